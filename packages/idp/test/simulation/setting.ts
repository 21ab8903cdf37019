import type { Policy } from '@rekey/keyring'
import type { Random } from './world/random.ts'
import { drawWeather, type Weather } from './world/weather.ts'

const dayMs = 86_400_000

/** What a seed is about: who is there, under which policy, and how bad everything is. */
export interface Setting {
  instances: number
  verifiers: number
  readers: number
  keyrings: readonly { name: string; algorithm: string }[]
  policy: Policy
  weather: Weather
  /** By how much the rates of clocks differ. */
  drift: number
  /** By how much a wall clock of the estate, and that of the database, may be off in either direction. */
  partyOffMs: number
  databaseOffMs: number
  /** In these seeds wall clocks are off by more than the policy reckons with. */
  beyondSkew: boolean
  /** A database that is restored from a backup happens in these seeds. */
  restores: boolean
  /** How long faults go on. */
  troubleMs: number
  /** Between two faults, and between two acts of an operator, on average. */
  faultEveryMs: number
  actEveryMs: number
}

const keyrings = [
  { name: 'signing-es256', algorithm: 'ES256' },
  { name: 'signing-rs256', algorithm: 'RS256' },
]

export function drawSetting(random: Random): Setting {
  const skewMs = random.pick([600, 1_000, 2_000])
  const beyondSkew = random.chance(0.2)
  // What two parties are apart, and what the database is stepped while it counts a drain, come on top of each other.
  const offMs = skewMs / 4 - 25
  return {
    instances: random.pick([1, 2, 2, 2, 2, 3]),
    verifiers: random.pick([1, 1, 2, 3]),
    readers: random.pick([0, 0, 1, 2]),
    keyrings: keyrings.slice(0, random.chance(0.25) ? 2 : 1),
    policy: drawPolicy(random, skewMs),
    weather: drawWeather(random),
    drift: 100e-6,
    partyOffMs: beyondSkew ? random.pick([2, 10]) * skewMs : offMs,
    databaseOffMs: offMs,
    beyondSkew,
    restores: random.chance(0.15),
    troubleMs: random.between(30_000, 70_000),
    faultEveryMs: random.pick([1_500, 4_000, 8_000]),
    actEveryMs: random.pick([2_000, 4_000, 12_000]),
  }
}

function drawPolicy(random: Random, skewMs: number): Policy {
  const jwksMaxAgeMs = random.pick([1_000, 3_000, 5_000])
  return {
    rotateEveryMs: random.chance(0.2) ? random.between(15_000, 40_000) | 0 : 90 * dayMs,
    verifierPatienceMs: random.chance(0.1) ? 4_000 : null,
    anonymousPropagationMs: jwksMaxAgeMs + skewMs,
    jwksMaxAgeMs,
    maxTokenTtlMs: random.pick([2_000, 5_000, 10_000]),
    skewMs,
    maxGraceMs: dayMs,
    rollbackWindowMs: random.pick([1_000, 6_000, 20_000]),
  }
}
