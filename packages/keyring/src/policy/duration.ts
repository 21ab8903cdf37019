import { KeyringError } from '../error.ts'

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
type Unit = keyof typeof units

/** A time that far ahead can still be written as a date; much beyond it neither JavaScript nor PostgreSQL can. */
export const longestMs = 99_999 * units.d

/**
 * Reads a duration as configuration writes it (`90d`, `24h`, `10m`, `30s`, `250ms`, `0s`).
 *
 * @returns milliseconds
 * @throws KeyringError `INVALID_DURATION` for anything else, so that `30` never silently means seconds or days, and for
 *   more than 99999 days
 */
export function parseDuration(text: string): number {
  const match = /^(\d{1,16})(ms|s|m|h|d)$/.exec(text.trim())
  if (!match) {
    throw new KeyringError('INVALID_DURATION', `"${text}" is no duration; write for example 90d, 24h, 10m, 30s or 0s`)
  }
  const durationMs = Number(match[1]) * units[match[2] as Unit]
  if (durationMs > longestMs) {
    throw new KeyringError('INVALID_DURATION', `"${text}" is too long; the longest duration is 99999d`)
  }
  return durationMs
}

/** The shortest exact form of a duration in milliseconds: `86400000` becomes `1d`, `0` becomes `0s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s'
  const unit = (['d', 'h', 'm', 's'] as const).find((name) => durationMs % units[name] === 0) ?? 'ms'
  return `${durationMs / units[unit]}${unit}`
}
