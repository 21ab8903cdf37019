/**
 * How long a new key must have been published before it may be used, for readers of the JWKS that nobody can see.
 *
 * Say every instance serves the new key from T on. The worst reader fetches through a shared cache, which may hand out
 * a copy made just before T until T + max-age. That copy lacks the key, its reply takes a while to arrive, and it
 * starts the reader's cool-down: so long it refuses unknown kids without looking again. After that it looks, and from
 * then on no cache can hold a copy without the key. So the time is max-age + (reply + cool-down) of the slowest reader,
 * and the skew for clocks that run apart. What a reader keeps for longer (jose 10 min, jwks-rsa 10 min a kid,
 * jwksPolling 5 min) does not count here: an unknown kid makes each of them look. It counts for how long a revoked key
 * lives on.
 */

/** A reader of the JWKS, at the defaults of its library. Durations are milliseconds. */
export interface Reader {
  name: string
  /** After a fetch it does not look again for so long, whatever kid is asked for. */
  coolDownMs: number
  /** How long after the request was sent the cool-down may begin. */
  replyMs: number
}

export const readers: readonly Reader[] = [
  // packages/verifier/src/trust/polling: coolDownMs 10 s between two looks that unknown keys cause.
  { name: 'jwksPolling', coolDownMs: 10_000, replyMs: 0 },
  // jose 6.2 jwks/remote.js: cooldownDuration 30 s from when a reply arrives, for which it waits timeoutDuration, 5 s.
  { name: 'createRemoteJWKSet', coolDownMs: 30_000, replyMs: 5_000 },
  // jwks-rsa 4.1 JwksClient.js: `rateLimit: false`, and a kid that was not found is not cached: it looks at once.
  { name: 'jwks-rsa', coolDownMs: 0, replyMs: 0 },
]

/** What the demo's identity provider runs with, so short that a rotation can be watched. Durations are milliseconds. */
export const settings = { tokenTtlMs: 60_000, jwksMaxAgeMs: 30_000, skewMs: 5_000 }

/** The `anonymousPropagation`, in milliseconds, that these readers need. Never less than max-age + skew. */
export function anonymousPropagationMs(
  { jwksMaxAgeMs, skewMs }: { jwksMaxAgeMs: number; skewMs: number },
  seen: readonly Reader[],
): number {
  const slowestMs = Math.max(0, ...seen.map(({ coolDownMs, replyMs }) => coolDownMs + replyMs))
  return jwksMaxAgeMs + slowestMs + skewMs
}

/** The same as a sentence for whoever watches. */
export function derivation(given: { jwksMaxAgeMs: number; skewMs: number }, seen: readonly Reader[]): string[] {
  const seconds = (ms: number) => `${ms / 1_000} s`
  const slowest = seen.toSorted((a, b) => b.coolDownMs + b.replyMs - a.coolDownMs - a.replyMs)[0]
  const others = seen
    .filter((reader) => reader !== slowest)
    .map(({ name, coolDownMs }) => `${name}: ${coolDownMs === 0 ? 'looks at once' : seconds(coolDownMs)}`)
  return [
    `anonymousPropagation = ${seconds(anonymousPropagationMs(given, seen))}:`,
    `  ${seconds(given.jwksMaxAgeMs)} max-age: a cache may hand out a copy without the new key`,
    ...(slowest
      ? [
          `  + ${seconds(slowest.replyMs)} for the reply to arrive`,
          `  + ${seconds(slowest.coolDownMs)} cool-down of ${slowest.name}, the slowest reader, before it looks again`,
          `    (${others.join(', ')})`,
        ]
      : []),
    `  + ${seconds(given.skewMs)} skew of clocks`,
  ]
}
