import { type Clock, systemClock } from '../clock.ts'
import { assertKnown } from '../known-options.ts'

export interface DenyListOptions {
  /** A JSON file `{"entries": [...]}`, read at start and again within a second of each change; always as a whole. */
  readonly file?: string | undefined
  /**
   * Where what the operator denies outlives a restart; made where it is missing. It belongs to one process: once another
   * one has written to it, this one writes no more, and every further `add` is rejected with `deny_file_failed`.
   */
  readonly stateFile?: string | undefined
  /**
   * How long a token may live, in milliseconds. Default 30 days. With a deny-list in use, tokens that live longer are
   * refused, and that is what makes it safe to forget: whatever was issued before an entry came is over by then. (The
   * life of a token without `iat` cannot be known: deny such a one by its `jti` with `expiresAt`.) Make it longer only
   * while nothing is denied: what is on the list would be forgotten too early.
   */
  readonly maxTokenLifetimeMs?: number | undefined
  readonly clock?: Clock | undefined
}

const DEFAULT_LIFETIME_MS = 30 * 86_400_000
const LONGEST_LIFETIME_MS = 3_650 * 86_400_000

function assertPath(name: string, path: unknown): void {
  if (path === undefined || (typeof path === 'string' && path !== '')) return
  throw new TypeError(`${name} must be a path`)
}

/** Reads the options once; from here on they are known to be sound. */
export function checkedDenyOptions(options: DenyListOptions) {
  assertKnown('denyList', options, { file: true, stateFile: true, maxTokenLifetimeMs: true, clock: true })
  const { file, stateFile, maxTokenLifetimeMs = DEFAULT_LIFETIME_MS, clock = systemClock } = options
  assertPath('file', file)
  assertPath('stateFile', stateFile)
  if (file !== undefined && file === stateFile) throw new TypeError('file and stateFile must be two files')
  if (!(maxTokenLifetimeMs > 0 && maxTokenLifetimeMs <= LONGEST_LIFETIME_MS)) {
    throw new TypeError('maxTokenLifetimeMs must be a number of milliseconds, more than 0 and at most ten years')
  }
  return { file, stateFile, maxTokenLifetimeMs, clock }
}
