const units = [
  { ms: 86_400_000, sign: 'd' },
  { ms: 3_600_000, sign: 'h' },
  { ms: 60_000, sign: 'm' },
  { ms: 1_000, sign: 's' },
] as const

/** How old something is, as configuration writes a duration, in whole units of its largest: `37d`, `5h`, `0s`. */
export function ageOf(since: number, now: number): string {
  const ms = Math.max(0, now - since)
  const unit = units.find((each) => ms >= each.ms) ?? units[3]
  return `${Math.floor(ms / unit.ms)}${unit.sign}`
}
