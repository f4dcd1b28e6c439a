import Foundation
import Testing

@testable import Files
@testable import TrainingRuns

@Suite struct TensorBoardWriterTests {
  /// The records that TensorBoard's own writer makes of the same events:
  ///
  /// ```python
  /// # tensorboard 2.21.0
  /// from tensorboard.compat.proto.event_pb2 import Event, SessionLog
  /// from tensorboard.compat.proto.summary_pb2 import Summary
  /// from tensorboard.summary.writer.record_writer import RecordWriter
  /// value = Summary.Value
  /// events = [
  ///     Event(wall_time=1000.5, file_version="brain.Event:2"),
  ///     Event(wall_time=1000.5, step=301, session_log=SessionLog(status=SessionLog.START)),
  ///     Event(wall_time=1001.25, step=300, summary=Summary(value=[
  ///         value(tag="energy", simple_value=0.3125),
  ///         value(tag="loss/sigreg", simple_value=float("inf"))])),
  ///     Event(wall_time=1002, step=70000, summary=Summary(value=[value(tag="views",
  ///         image=Summary.Image(height=2, width=300, colorspace=3,
  ///                             encoded_image_string=b"\x89PNG"))]))]
  /// for event in events:
  ///     file = io.BytesIO()
  ///     RecordWriter(file).write(event.SerializeToString())
  ///     print(file.getvalue().hex())
  /// ```
  private static let records = [
    "1800000000000000a37f4b22090000000000448f401a0d627261696e2e4576656e743a32aba33345",
    "100000000000000095fbfe18090000000000448f4010ad023a02080141e2061e",
    "31000000000000009d8383e90900000000004a8f4010ac022a230a0d0a06656e65726779150000a03e0a120a0b"
      + "6c6f73732f736967726567150000807fc1bbd378",
    "2700000000000000bbe1b146090000000000508f4010f0a2042a180a160a057669657773220d080210ac021803"
      + "220489504e471538a028",
  ]

  @Test func recordsAreThoseOfTensorBoard() {
    let events = [
      TensorBoardEvent.fileVersion(wallTime: 1000.5),
      TensorBoardEvent.sessionStart(atStep: 301, wallTime: 1000.5),
      TensorBoardEvent.scalars(
        [Metric("energy", 0.3125), Metric("loss/sigreg", .infinity)], step: 300,
        wallTime: 1001.25),
      TensorBoardEvent.image(
        "views", png: [0x89] + Array("PNG".utf8), width: 300, height: 2, step: 70000,
        wallTime: 1002),
    ]
    for (event, expected) in zip(events, Self.records) {
      let hexadecimal = TensorBoardWriter.record(event).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
      #expect(hexadecimal.joined() == expected)
    }
  }

  @Test(arguments: [(nil, 0), (0, 1), (300, 301)] as [(Int?, Int)])
  func aFileSaysWhereItsSessionStarts(resumedAfter: Int?, firstStep: Int) throws {
    let folder = try TemporaryFolder()
    let writer = try TensorBoardWriter(
      folder: folder.path, resumingAfter: resumedAfter, wallTime: 1000.5)
    try writer.synchronize()
    let expected = [
      TensorBoardEvent.fileVersion(wallTime: 1000.5),
      TensorBoardEvent.sessionStart(atStep: firstStep, wallTime: 1000.5),
    ].flatMap(TensorBoardWriter.record)
    #expect(Array(try DurableFile.read(writer.path)) == expected)
  }
}
