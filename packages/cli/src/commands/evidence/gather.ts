import { setTimeout as delay } from 'node:timers/promises'
import { type Overdue, type PeriodFacts, periodActions, proveAll, type RecordedEvent } from '@rekey/breakglass'
import type { EventProof, ListedEvent } from '@rekey/database/offline'
import { runnerName } from '../../break-glass/runner.ts'
import { listEvents, proveEvent } from '../../client/audit.ts'
import { overdueCredentials } from '../../client/credentials.ts'
import type { KeyringView } from '../../client/keyring.ts'
import { listKeyrings } from '../../client/keyrings.ts'
import type { ManagementClient } from '../../client/management.ts'
import { CliError } from '../../error.ts'
import { findEstate } from '../../estate/find.ts'
import type { Shell } from '../../shell.ts'
import { software } from '../../software.ts'
import { overdueSince } from '../../status/keyring-worries.ts'
import { managementOf } from '../command.ts'

/** Of each action, and of credentials: what is more is told as missing. */
const most = 20_000
/** Requests for proofs at a time. */
const atOnce = 8
/** An event has its place after about a second. */
const recheckMs = 200
const mostTries = 20

/** What an estate has of a period, and what stands in it now. */
export async function gather(shell: Shell, control: string, period: PeriodFacts['period']): Promise<PeriodFacts> {
  const client = managementOf(shell, 'audit:read', 'keyrings:read', 'agents:read')
  const keyrings = await listKeyrings(client)
  const credentials = await overdueCredentials(client, most)
  const { events, truncated, isBehind } = await untilChained(client, period)
  const proven = await prove(client, events)
  const now = shell.now()
  const lacks = {
    [`there are more than ${most} events ${truncated.join(', ')}`]: truncated.length > 0,
    [`there are more than ${most} overdue credentials`]: credentials.nextCursor !== null,
    'some events of the period have no place in the chain yet: the chainer may be down': isBehind,
    'some events have no proof yet: the chainer may be down': proven.some(({ proof }) => proof === undefined),
    'the period was not over when this was sealed': Date.parse(period.to) > now,
  }
  return {
    format: 'rekey-period-evidence/1',
    sealedAt: new Date(now).toISOString(),
    sealedBy: { runner: runnerName(shell.env), software },
    issuer: findEstate(shell.env, shell.folder).idp,
    control,
    period,
    keyrings,
    overdue: [
      ...keyrings.flatMap((keyring) => overdueKey(keyring, now)),
      ...credentials.credentials.map(overdueCredential),
    ],
    missing: Object.keys(lacks).filter((sentence) => lacks[sentence]),
    record: { events: proven },
  }
}

/** What happened a moment ago is in no list before it has its place in the chain: it is waited for, a few seconds at most. */
async function untilChained(client: ManagementClient, period: PeriodFacts['period']) {
  for (let tries = mostTries; ; tries -= 1) {
    const found = await listActions(client, period)
    if (!found.isBehind || tries === 0) return found
    await delay(recheckMs)
  }
}

async function listActions(client: ManagementClient, period: PeriodFacts['period']) {
  const events: ListedEvent[] = []
  const truncated: string[] = []
  let isBehind = false
  for (const action of periodActions) {
    const found = await listEvents(client, { action, ...period, order: 'oldest' }, most)
    events.push(...found.events)
    if (found.nextCursor !== null) truncated.push(action)
    if (found.waitingSince !== undefined && Date.parse(found.waitingSince) < Date.parse(period.to)) isBehind = true
  }
  return { events: events.toSorted((a, b) => a.seq - b.seq), truncated, isBehind }
}

async function prove(client: ManagementClient, events: readonly ListedEvent[]): Promise<RecordedEvent[]> {
  const ids = events.map(({ id }) => id)
  const proofs = await proveAll(ids, (id) => proofOf(client, id), { atOnce, pause: delay })
  return events.map((event) => recorded(event, proofs.get(event.id)))
}

async function proofOf(client: ManagementClient, id: string): Promise<EventProof | undefined> {
  try {
    return await proveEvent<EventProof>(client, id)
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

const overdueCredential = (found: Awaited<ReturnType<typeof overdueCredentials>>['credentials'][number]): Overdue => ({
  what: found.credentialId,
  kind: found.kind,
  agent: found.agentName ?? found.agentId,
  rotatedAt: found.rotatedAt,
  overdueSince: found.overdueSince,
})
