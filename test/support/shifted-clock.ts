// Loaded before a gateway (`node --import`), so that it lives at another time: later by so many milliseconds.
const laterMs = Number(process.env.TEST_CLOCK_LATER_MS ?? '0');
const Real = globalThis.Date;

class Shifted extends Real {
  constructor(...args: unknown[]) {
    if (args.length === 0) super(Shifted.now());
    else super(...(args as [string]));
  }

  static override now(): number {
    return Real.now() + laterMs;
  }
}
globalThis.Date = Shifted as DateConstructor;
