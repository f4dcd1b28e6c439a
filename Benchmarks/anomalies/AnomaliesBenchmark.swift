@main struct AnomaliesBenchmark {
  static func main() {}
}
