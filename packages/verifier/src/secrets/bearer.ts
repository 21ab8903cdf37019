import { createHash, timingSafeEqual } from 'node:crypto'
import { type Clock, systemClock } from '../clock.ts'
import type { VerifyError } from '../error.ts'
import { Watch } from '../files/watch.ts'
import { tell } from '../listener.ts'
import { parseSource, readSecretFile, readSecretFileNow, type SecretSource } from './source.ts'

/** A secret that callers present; while it is being rotated, several are good at once. */
export interface BearerSecret {
  /** Takes the same time whatever is presented, and for each of the secrets. */
  matches(presented: string): boolean
  /** Stops watching the file; the secrets read last go on matching. */
  close(): void
}

export interface BearerSecretOptions {
  readonly clock?: Clock
  /** A file that could be read before and cannot now: `secrets_failed`, once for each outage. */
  readonly onProblem?: (error: VerifyError) => void
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Digests are compared, so that not even the length of a secret shows; and all of them, so that it never shows which. */
function isOneOf(digests: readonly Buffer[], presented: unknown): boolean {
  if (typeof presented !== 'string') return false
  const digest = digestOf(presented)
  let good = 0
  for (const accepted of digests) good |= Number(timingSafeEqual(accepted, digest))
  return good === 1
}

/**
 * Makes the one thing that an endpoint for machines needs in order to know its callers. A file is read again every second; when
 * it is gone or cannot be understood, the secrets read last stay in force.
 *
 * @throws {TypeError} for a source that is none. @throws {VerifyError} `secrets_failed` when the file cannot be read now.
 */
export function bearerSecret(source: SecretSource, options: BearerSecretOptions = {}): BearerSecret {
  const parsed = parseSource(source)
  if ('secrets' in parsed) {
    const digests = parsed.secrets.map(digestOf)
    return { matches: (presented) => isOneOf(digests, presented), close: () => {} }
  }
  const { clock = systemClock } = options
  let digests = readSecretFileNow(parsed.file).map(digestOf)
  const look = async () => {
    digests = (await readSecretFile(parsed.file)).map(digestOf)
  }
  const onProblem = (error: VerifyError) => tell('onProblem', options.onProblem, error)
  const watch = new Watch({ clock, look, onProblem, code: 'secrets_failed' })
  watch.start()
  return { matches: (presented) => isOneOf(digests, presented), close: () => void watch.close() }
}
