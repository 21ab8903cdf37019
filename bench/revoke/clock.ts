/** Milliseconds of the machine's monotonic clock, which all processes on it share (unlike `performance.now`). */
export function sharedClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
