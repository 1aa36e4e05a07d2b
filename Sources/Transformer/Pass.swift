import Tensors

/// One tile's way through a model: its device, its memory, and what is read and changed on the way.
final class Pass<Device: Backend> {
  let device: Device
  let tile: Tile
  let taps: Taps<Device>
  private let kept: ((_ layer: Int) -> [Device.Memory])?
  private var tables: [ObjectIdentifier: RotaryTable] = [:]

  /// - Parameter memories: for each block one per sequence of the tile, to continue from; nil to keep
  ///   nothing.
  init(
    device: Device, tile: Tile, taps: Taps<Device>,
    memories: ((_ layer: Int) -> [Device.Memory])? = nil
  ) {
    (self.device, self.tile, self.taps) = (device, tile, taps)
    kept = memories
  }

  /// Changes and then reads the activations at a hook.
  func tap(_ hook: HookPoint, _ x: Device.Activations) -> Device.Activations { taps(hook, x) }

  /// Changes and then reads the heads' outputs.
  /// - Parameter uniform: what they are where all tokens are attended to alike.
  func tap(
    _ hook: HookPoint, _ x: Device.Activations, uniform: () -> Device.Activations
  ) -> Device.Activations {
    withoutActuallyEscaping(uniform) { taps(hook, x, uniform: $0) }
  }

  /// Whether anything at or behind the hook is to be read.
  func reaches(_ hook: HookPoint) -> Bool { taps.last >= hook }

  func memories(of layer: Int) -> [Device.Memory]? { kept?(layer) }

  /// Cosines and sines for the tile's rows, made once per pass.
  func table(of rotary: Rotary) -> RotaryTable {
    let key = ObjectIdentifier(rotary)
    if let table = tables[key] { return table }
    let table = RotaryTable(rotary, positions: tile.positions)
    tables[key] = table
    return table
  }
}

/// The keys and values of one sequence in every block.
struct SequenceMemory<Device: Backend> {
  var layers: [Device.Memory]
}
