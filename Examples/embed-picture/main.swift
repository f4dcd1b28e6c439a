import ImageJEPA

// embed-picture CHECKPOINT PICTURE…: the first numbers of each picture's embedding.
let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 2 else { fatalError("usage: embed-picture CHECKPOINT PICTURE…") }
let model = try ImageModel.load(from: arguments[0])
for picture in arguments.dropFirst() {
  let embedding = try model.embedding(of: picture)  // [Float], one number for each dimension
  print(picture, embedding.count, embedding.prefix(4))
}
