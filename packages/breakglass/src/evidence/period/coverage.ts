/**
 * How far the schedule of rotations was kept in a period, secret by secret.
 *
 * A secret is as old as the last moment at which it was made or rotated: those that the audit has, and the two that the inventory
 * knows, when it came to be and when it was last rotated. From such a moment on it is within its interval until that has passed, or
 * until the next of them. A secret that ends by itself has no such interval; of one that nobody manages nothing is known, which is
 * said, and is not the same as good.
 *
 * Sealed evidence is compared with what this draws: another rule is a new `format`.
 */

import { readEvent } from '../events.ts'
import type {
  ClassCoverage,
  Coverage,
  EstateFacts,
  InventoriedSecret,
  PeriodFacts,
  SecretCoverage,
} from './document.ts'

type Facts = Pick<PeriodFacts, 'period' | 'record' | 'sealedAt'> & { estate: EstateFacts }

/** By these a secret becomes a new one. */
export const rotationActions = ['keyring.activated', 'credential.rotated'] as const

interface Rotated {
  at: string
  event: string
}

export function coverageOf(facts: Facts): Coverage {
  const { inventory, before, bff } = facts.estate
  const rotated = {
    idp: rotationsOf(before, facts.record),
    bff: bff ? rotationsOf(bff.before, bff.record) : new Map<string, Rotated[]>(),
  }
  const secrets = inventory.map((secret) => coverageOfSecret(secret, rotated[secret.of].get(secret.name) ?? [], facts))
  return { secrets, classes: classesOf(secrets), total: totalOf(secrets) }
}

/** By the name of a keyring, or the id of a credential, in the order of their times. */
function rotationsOf(...records: readonly Facts['record'][]): Map<string, Rotated[]> {
  const found = new Map<string, Rotated[]>()
  for (const recorded of records.flatMap(({ events }) => events)) {
    const event = readEvent(recorded)
    if (!event || !rotationActions.some((action) => action === event.action)) continue
    const name = event.details[event.action === 'keyring.activated' ? 'keyring' : 'credentialId']
    if (typeof name === 'string') found.set(name, [...(found.get(name) ?? []), { at: event.at, event: event.id }])
  }
  for (const all of found.values()) all.sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
  return found
}

function coverageOfSecret(secret: InventoriedSecret, rotated: readonly Rotated[], facts: Facts): SecretCoverage {
  const { name, kind, owner, of, environment, rotateEveryMs } = secret
  const [from, to] = [Date.parse(facts.period.from), Date.parse(facts.period.to)]
  const inPeriod = rotated.filter(({ at }) => Date.parse(at) >= from && Date.parse(at) < to)
  const moments = momentsOf(secret, rotated).filter((moment) => moment < to)
  const before = moments.findLast((moment) => moment < from)
  const judged = before === undefined ? moments[0] : from
  const until = Math.min(to, Date.parse(facts.sealedAt))
  const overdueMs = rotateEveryMs === undefined ? 0 : overdueIn(moments, rotateEveryMs, from, until)
  return withoutGaps({
    ...{ name, kind, owner, of, environment, rotateEveryMs, overdueMs },
    status: statusOf(secret, moments.length > 0, overdueMs),
    lastBefore: before === undefined ? undefined : iso(before),
    judgedFrom: judged === undefined ? undefined : iso(judged),
    rotations: inPeriod.map(({ at, event }) => ({ at, event })),
  })
}

/** What was declared is not in the audit: its day is in the inventory alone. */
function momentsOf({ createdAt, rotatedAt }: InventoriedSecret, rotated: readonly Rotated[]): number[] {
  const known = [createdAt, rotatedAt, ...rotated.map(({ at }) => at)].map((at) => Date.parse(at ?? ''))
  return [...new Set(known.filter((at) => !Number.isNaN(at)))].sort((a, b) => a - b)
}

function statusOf(
  { rotateEveryMs, expiresAt }: InventoriedSecret,
  isAgeKnown: boolean,
  overdueMs: number,
): SecretCoverage['status'] {
  if (rotateEveryMs !== undefined && isAgeKnown) return overdueMs > 0 ? 'overdue' : 'within'
  return expiresAt === undefined ? 'unmanaged' : 'expires'
}

/** How long, between two moments, a secret was older than its interval. */
function overdueIn(moments: readonly number[], everyMs: number, from: number, until: number): number {
  return moments.reduce((sum, moment, at) => {
    const next = moments[at + 1] ?? Number.POSITIVE_INFINITY
    const [begins, ends] = [Math.max(moment + everyMs, from), Math.min(next, until)]
    return sum + Math.max(0, ends - begins)
  }, 0)
}

function classesOf(secrets: readonly SecretCoverage[]): ClassCoverage[] {
  const classes = new Map<string, SecretCoverage[]>()
  for (const secret of secrets) {
    const key = `${secret.kind}\n${secret.environment ?? ''}`
    classes.set(key, [...(classes.get(key) ?? []), secret])
  }
  return [...classes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, all]) => {
      const [{ kind, environment } = { kind: '' }] = all
      return withoutGaps({ kind, environment, ...numbersOf(all) })
    })
}

function totalOf(secrets: readonly SecretCoverage[]): Coverage['total'] {
  const numbers = numbersOf(secrets)
  return { ...numbers, managedPercent: percent(numbers.secrets - numbers.unmanaged, numbers.secrets) }
}

function numbersOf(secrets: readonly SecretCoverage[]) {
  const counted = (status: SecretCoverage['status']) => secrets.filter((each) => each.status === status).length
  const [within, overdue] = [counted('within'), counted('overdue')]
  return {
    ...{ secrets: secrets.length, within, overdue, expires: counted('expires'), unmanaged: counted('unmanaged') },
    rotations: secrets.reduce((sum, { rotations }) => sum + rotations.length, 0),
    withinPercent: percent(within, within + overdue),
  }
}

/** Rounded down: one that is overdue among a hundred thousand keeps it from being a hundred. */
const percent = (some: number, all: number): number | null => (all === 0 ? null : Math.floor((some * 1_000) / all) / 10)

const iso = (ms: number) => new Date(ms).toISOString()

/** Without the members that have no value: as it will be read back. */
function withoutGaps<T extends object>(members: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T
}
