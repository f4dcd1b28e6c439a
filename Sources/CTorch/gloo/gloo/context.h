// c10d's header of its Gloo backend includes five headers of gloo, which no libtorch comes with. It holds gloo's objects by
// pointers only, so that these declarations are all it needs; distributed.cpp checks what depends on them.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
