#if os(Linux)
  import Glibc

  /// How often a thread of libtorch's pool looks for work before it sleeps.
  ///
  /// libgomp's own 300,000 rounds hold a core for about a millisecond at every barrier: beside one busy process
  /// training falls to a quarter. Measured by `Benchmarks/busy-neighbour`.
  private let spinCount: StaticString = "GOMP_SPINCOUNT=3000"

  /// libgomp reads its settings when it is loaded, before `main`. So the program starts itself anew with the setting,
  /// and that before the libraries initialize themselves, which takes longer than all else.
  ///
  /// Neither libc nor Swift's runtime is ready here: nothing may allocate.
  @section(".preinit_array") @used
  private let shortenSpin:
    @convention(c) (
      Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
      UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    ) -> Void = { _, arguments, environment in
      // A setting of the user's own wins.
      var count = 0
      while let entry = environment[count] {
        if strncmp(entry, "OMP_WAIT_POLICY=", 16) == 0 { return }
        if strncmp(entry, "GOMP_SPINCOUNT=", 15) == 0 { return }
        count += 1
      }
      withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<CChar>?.self, capacity: count + 2) {
        settings in
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { path in
          let length = readlink("/proc/self/exe", path.baseAddress!, Int(PATH_MAX))
          guard length > 0, length < Int(PATH_MAX) else { return }
          path[length] = 0
          for index in 0..<count { settings[index] = environment[index] }
          settings[count] = UnsafeMutableRawPointer(mutating: spinCount.utf8Start)
            .assumingMemoryBound(to: CChar.self)
          settings[count + 1] = nil
          // Where this fails the program runs all the same.
          execve(path.baseAddress!, arguments, settings.baseAddress!)
        }
      }
    }
#endif
