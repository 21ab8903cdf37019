import { setTimeout as delay } from 'node:timers/promises'
import {
  type InventoriedSecret,
  type Overdue,
  type PeriodFacts,
  periodActions,
  proveAll,
  type RecordedEvent,
  rotationActions,
} from '@rekey/breakglass'
import type { EventProof, ListedEvent } from '@rekey/database/offline'
import { parseDuration } from '@rekey/keyring'
import { runnerName } from '../../break-glass/runner.ts'
import { listEvents, proveEvent } from '../../client/audit.ts'
import { overdueCredentials } from '../../client/credentials.ts'
import { ifThere } from '../../client/if-there.ts'
import type { SecretView } from '../../client/inventory.ts'
import type { KeyringView } from '../../client/keyring.ts'
import { listKeyrings } from '../../client/keyrings.ts'
import { type ManagementClient, type Of, ownerOf } from '../../client/management.ts'
import { CliError } from '../../error.ts'
import { findEstate } from '../../estate/find.ts'
import { type InventoryView, lookAtInventory } from '../../inventory/look.ts'
import type { Shell } from '../../shell.ts'
import { software } from '../../software.ts'
import { overdueSince } from '../../status/keyring-worries.ts'
import { managementOf } from '../command.ts'
import { metricHistory } from './metric-history.ts'

type Period = PeriodFacts['period']

/** Of each action, and of credentials: what is more is told as missing. */
const most = 20_000
/** Requests for proofs at a time. */
const atOnce = 8
/** An event has its place after about a second. */
const recheckMs = 200
const mostTries = 20

/** What besides the estate is asked, and who vouches for it. */
export interface Besides {
  prometheus?: string
  signedOffBy?: string
}

/** What an estate has of a period, and what stands in it now. */
export async function gather(
  shell: Shell,
  control: string,
  period: Period,
  { prometheus, signedOffBy }: Besides = {},
): Promise<PeriodFacts> {
  const client = managementOf(shell, 'audit:read', 'keyrings:read', 'agents:read')
  const keyrings = await listKeyrings(client)
  const credentials = await overdueCredentials(client, most)
  const inventory = (await ifThere(lookAtInventory(client, most))) ?? noInventory
  const secrets = inventory.secrets.map(inventoried)
  const earlier = { from: beforeOf(period, secrets), to: period.from }
  const own = await recordOf(client, period, periodActions)
  const before = await recordOf(client, earlier, rotationActions)
  const bff = await recordsOfBff(client, period, earlier)
  const metrics = prometheus === undefined ? [] : [await metricHistory(shell.fetch, prometheus, period)]
  const now = shell.now()
  const lacks: Record<string, boolean> = {
    [`there are more than ${most} overdue credentials`]: credentials.nextCursor !== null,
    [`there are more than ${most} secrets, and not all of them are listed`]: inventory.nextCursor !== null,
    'secrets of other organizations are counted, and not listed': (inventory.otherOrganizations?.secrets ?? 0) > 0,
    'the period was not over when this was sealed': Date.parse(period.to) > now,
  }
  const gaps = [own, before, bff].flatMap((found) => found.missing)
  const sentences = Object.keys(lacks).filter((sentence) => lacks[sentence])
  return {
    format: 'rekey-period-evidence/2',
    sealedAt: new Date(now).toISOString(),
    sealedBy: { runner: runnerName(shell.env), software },
    issuer: findEstate(shell.env, shell.folder).idp,
    control,
    period,
    keyrings,
    overdue: withOthers(
      [...keyrings.flatMap((keyring) => overdueKey(keyring, now)), ...credentials.credentials.map(overdueCredential)],
      inventory.secrets,
    ),
    missing: [...new Set([...sentences, ...gaps, ...inventory.problems])],
    record: { events: own.events },
    estate: {
      inventory: secrets,
      before: { from: earlier.from, events: before.events },
      bff: bff.facts,
      metrics,
      signOff: signedOffBy === undefined ? null : { by: signedOffBy, at: new Date(now).toISOString() },
    },
  }
}

/** Of an IdP of an earlier release. */
const noInventory: InventoryView = {
  secrets: [],
  totals: { secrets: 0, unmanaged: 0, overdue: 0 },
  nextCursor: null,
  problems: ['the identity provider has no inventory, so nothing is known of how far its schedule was kept'],
}

/** So long before the period that whatever is older is overdue by every schedule. */
function beforeOf(period: Period, secrets: readonly InventoriedSecret[]): string {
  const longestMs = Math.max(0, ...secrets.map(({ rotateEveryMs = 0 }) => rotateEveryMs))
  return new Date(Math.max(0, Date.parse(period.from) - longestMs)).toISOString()
}

const inventoried = (secret: SecretView): InventoriedSecret => ({
  ...{ name: secret.name, kind: secret.kind, owner: secret.owner, of: secret.of, management: secret.management },
  ...(secret.environment !== undefined && { environment: secret.environment }),
  ...(secret.createdAt !== undefined && { createdAt: secret.createdAt }),
  ...(secret.rotatedAt !== undefined && { rotatedAt: secret.rotatedAt }),
  ...(secret.rotateEvery !== undefined && { rotateEveryMs: parseDuration(secret.rotateEvery) }),
  ...(secret.expiresAt !== undefined && { expiresAt: secret.expiresAt }),
})

interface OfBff {
  facts: NonNullable<PeriodFacts['estate']>['bff']
  missing: string[]
}

/**
 * The backend's audit is a chain of its own. There is no record of it where the estate has no backend, or one whose audit cannot be
 * read, which is told: an empty record would say that nothing happened there.
 */
async function recordsOfBff(client: ManagementClient, period: Period, earlier: Period): Promise<OfBff> {
  if (!client.hasBff) return { facts: null, missing: [] }
  try {
    const record = await recordOf(client, period, periodActions, 'bff')
    const before = await recordOf(client, earlier, rotationActions, 'bff')
    const facts = { record: { events: record.events }, before: { events: before.events } }
    return { facts, missing: [...record.missing, ...before.missing] }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const unread = 'the audit of the backend for frontend could not be read, so its rotations are not in the coverage'
    return { facts: null, missing: [`${unread}: ${error.message}`] }
  }
}

/** Events with their proofs, and what is missing of them. */
async function recordOf(client: ManagementClient, period: Period, actions: readonly string[], of?: Of) {
  if (period.from >= period.to) return { events: [], missing: [] }
  const { events, truncated, isBehind } = await untilChained(client, period, actions, of)
  const proven = await prove(client, events, of)
  const lacks = {
    [`there are more than ${most} events ${truncated.join(', ')}${ownerOf(of)}`]: truncated.length > 0,
    [`some events of the period${ownerOf(of)} have no place in the chain yet: the chainer may be down`]: isBehind,
    [`some events${ownerOf(of)} have no proof yet: the chainer may be down`]: proven.some(({ proof }) => !proof),
  }
  return { events: proven, missing: Object.keys(lacks).filter((sentence) => lacks[sentence]) }
}

/** What happened a moment ago is in no list before it has its place in the chain: it is waited for, a few seconds at most. */
async function untilChained(client: ManagementClient, period: Period, actions: readonly string[], of?: Of) {
  for (let tries = mostTries; ; tries -= 1) {
    const found = await listActions(client, period, actions, of)
    if (!found.isBehind || tries === 0) return found
    await delay(recheckMs)
  }
}

async function listActions(client: ManagementClient, period: Period, actions: readonly string[], of?: Of) {
  const events: ListedEvent[] = []
  const truncated: string[] = []
  let isBehind = false
  for (const action of actions) {
    const found = await listEvents(client, { action, ...period, order: 'oldest' }, most, of)
    events.push(...found.events)
    if (found.nextCursor !== null) truncated.push(action)
    if (found.waitingSince !== undefined && Date.parse(found.waitingSince) < Date.parse(period.to)) isBehind = true
  }
  return { events: events.toSorted((a, b) => a.seq - b.seq), truncated, isBehind }
}

async function prove(client: ManagementClient, events: readonly ListedEvent[], of?: Of): Promise<RecordedEvent[]> {
  const ids = events.map(({ id }) => id)
  const proofs = await proveAll(ids, (id) => proofOf(client, id, of), { atOnce, pause: delay })
  return events.map((event) => recorded(event, proofs.get(event.id)))
}

async function proofOf(client: ManagementClient, id: string, of?: Of): Promise<EventProof | undefined> {
  try {
    return await proveEvent<EventProof>(client, id, of)
  } catch (error) {
    if (error instanceof CliError && error.facts.code === 'EVENT_NOT_CHAINED') return undefined
    throw error
  }
}

function recorded({ hash: _hash, ...event }: ListedEvent, proof: EventProof | undefined): RecordedEvent {
  return proof ? { event: proof.event, proof } : { event: JSON.stringify(event) }
}

function overdueKey(keyring: KeyringView, now: number): Overdue[] {
  const found = overdueSince(keyring, now)
  if (!found) return []
  return [{ what: keyring.name, kind: keyring.kind, rotatedAt: found.activatedAt, overdueSince: found.since }]
}

/** The inventory knows of more: what is declared, and what the backend for frontend has. */
function withOthers(known: readonly Overdue[], secrets: readonly SecretView[]): Overdue[] {
  const isKnown = ({ name, of }: SecretView) => of === 'idp' && known.some(({ what }) => what === name)
  const others = secrets.flatMap((secret): Overdue[] => {
    const { name, kind, owner, rotatedAt, overdueSince } = secret
    if (rotatedAt === undefined || overdueSince === undefined || isKnown(secret)) return []
    return [{ what: name, kind, agent: owner, rotatedAt, overdueSince }]
  })
  return [...known, ...others]
}

const overdueCredential = (found: Awaited<ReturnType<typeof overdueCredentials>>['credentials'][number]): Overdue => ({
  what: found.credentialId,
  kind: found.kind,
  agent: found.agentName ?? found.agentId,
  rotatedAt: found.rotatedAt,
  overdueSince: found.overdueSince,
})
