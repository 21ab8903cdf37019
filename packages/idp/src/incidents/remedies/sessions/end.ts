import { setTimeout as delay } from 'node:timers/promises'
import type { EndedSessions } from '@rekey/breakglass'
import { currentRevision, databaseNow, recordEvent } from '@rekey/database'
import { transact } from '@rekey/service'
import type { Transaction } from 'kysely'
import { toldOf } from '../../../denied/entry.ts'
import { longestTokenMs } from '../../../denied/longest-token.ts'
import { denyWithin } from '../../../denied/store.ts'
import { IdpError } from '../../../error.ts'
import type { Instance } from '../../../instance.ts'
import type { IdpTables } from '../../../tables.ts'
import { withoutIssuerEntries } from '../../../trust/knows-issuer.ts'
import { verifiers } from '../../../trust/verifiers.ts'
import { changeIncident } from '../../record.ts'
import { endBffSessions } from './bffs.ts'
import { deniedFor } from './deny-list.ts'
import { oidcSessions } from './oidc-sessions.ts'
import { opaqueTokens } from './opaque-tokens.ts'
import { endsOwn, type Selected } from './selected.ts'
import type { SessionStore, Spared } from './store.ts'

/** Stores that keep sessions. What verifiers refuse is said by the deny-list besides. */
const stores: readonly SessionStore[] = [opaqueTokens, oidcSessions]

/** Who ends them, and the token by which he asks. */
export interface Ender extends Spared {
  clientId: string
}

/**
 * Ends the sessions that an incident's plan names, all of them or none. Asked for once more it ends the same ones: those that were
 * issued before the moment at which this was done first, where the plan gives none.
 *
 * @returns when every live instance tells verifiers so, and what is issued from now on is not meant
 * @throws IdpError `SELF_LOCK` when they are those of the client that asks; `DENY_LIST_FULL`, `UNKNOWN_INCIDENT`
 */
export async function endSessions(instance: Instance, incident: string, by: Ender): Promise<EndedSessions> {
  const { connection, view } = instance
  const done = await transact(connection.db, (transaction) => endWithin(instance, transaction, incident, by))
  await view.everywhere(done.ended.revision?.n ?? 0)
  // Times in tokens are whole seconds, and verifiers round the moment up: until then fresh tokens are refused as well.
  const restMs = Math.ceil(done.newest / 1_000) * 1_000 - (await instance.store.now())
  if (restMs > 0) await delay(Math.min(restMs, 1_000))
  return endElsewhere(instance, { incident, ...done }, by)
}

/** What other services keep: it is ended outside the transaction, and whatever becomes of it, the rest has been done. */
async function endElsewhere(
  { connection, config }: Instance,
  { incident, selected, earlier, ended }: Ending & Done,
  { clientId: actor }: Ender,
): Promise<EndedSessions> {
  const { breakGlass } = config
  if (selected.length === 0 || breakGlass.bffs.length === 0) return ended
  const { stores, open } = await endBffSessions(breakGlass, selected, { incident, actor })
  const counted = stores.map((store) => withEarlier(store, earlier))
  const others = ended.stores.filter(({ name }) => !counted.some((store) => store.name === name))
  const incomplete = [...(ended.incomplete === undefined ? [] : [ended.incomplete]), ...open].join('; ')
  const all = { ...ended, stores: [...others, ...counted], ...(incomplete === '' ? {} : { incomplete }) }
  await transact(connection.db, async (transaction) => {
    await keepEnded(transaction, incident, all)
    const outcome = open.length === 0 ? 'success' : 'failed'
    const details = { incident, stores, ...(open.length === 0 ? {} : { open }) }
    await recordEvent(transaction, { action: 'session.ended', outcome, actor, details })
  })
  return all
}

async function endWithin(instance: Instance, transaction: Transaction<IdpTables>, incident: string, by: Ender) {
  const { before } = await changeIncident(transaction, incident, (unchanged) => unchanged)
  const { sessions } = before.plan
  if (endsOwn(sessions, by.clientId)) {
    throw new IdpError(
      'SELF_LOCK',
      'these are the sessions of the very client that asks: let another one carry this out',
    )
  }
  const now = await databaseNow(transaction)
  const earlier = await endedEarlier(transaction, incident)
  const issuer = instance.config.issuer
  const selected = sessions.map((selector) => ({ selector, issuedBefore: momentOf(selector, issuer, earlier) ?? now }))
  const own = await endSelected(instance, transaction, { incident, selected, earlier }, now, by)
  // What other services ended when this was done before, whether or not they answer this time.
  const elsewhere = earlier?.stores.filter(({ name }) => !own.stores.some((store) => store.name === name)) ?? []
  const ended = { ...own, stores: [...own.stores, ...elsewhere] }
  await keepEnded(transaction, incident, ended)
  return { ended, selected, earlier, newest: Math.max(0, ...selected.map(({ issuedBefore }) => issuedBefore)) }
}

interface Ending {
  incident: string
  selected: readonly Selected[]
  earlier: EndedSessions | undefined
}

type Counted = EndedSessions['stores'][number]

interface Done {
  ended: EndedSessions
}

async function endSelected(
  instance: Instance,
  transaction: Transaction<IdpTables>,
  { incident, selected, earlier }: Ending,
  now: number,
  by: Ender,
): Promise<EndedSessions> {
  if (selected.length === 0) return { entries: [], stores: [] }
  const counted = []
  for (const { name, end } of stores) {
    const counts = []
    for (const one of selected) counts.push(await end(transaction, one, by))
    counted.push(withEarlier({ name, ended: total(counts) }, earlier))
  }
  const details = { incident, sessions: selected.length, stores: counted }
  await recordEvent(transaction, { action: 'session.ended', outcome: 'success', actor: by.clientId, details })
  const old = withoutIssuerEntries(await verifiers(transaction))
  const told = old.length === 0 ? selected : selected.filter(({ selector }) => !('all' in selector))
  const rows = deniedFor(told, instance.config.issuer, now, longestTokenMs(instance))
  const n = await denyWithin(transaction, rows, by.clientId, { incident })
  const { epoch } = await currentRevision(transaction)
  const entries = rows.map(toldOf) as Record<string, string>[]
  const ended = { entries, stores: [{ name: 'deny-list', ended: null }, ...counted], revision: { epoch, n } }
  return told.length === selected.length ? ended : { ...ended, incomplete: notTold(old) }
}

function notTold(verifiers: readonly string[]): string {
  return (
    'access tokens of all sessions are not denied: these verifiers are of a release that does not know such an entry, and would ' +
    `lose their lease over it: ${verifiers.join(', ')}. Update them, then do this again`
  )
}

/** With what it ended when this was done before. */
function withEarlier({ name, ended }: Counted, earlier: EndedSessions | undefined): Counted {
  return { name, ended: total([ended, earlier?.stores.find((store) => store.name === name)?.ended ?? 0]) }
}

/** Nobody knows the sum of what somebody cannot count. */
function total(counts: readonly (number | null)[]): number | null {
  return counts.reduce((sum, count) => (sum === null || count === null ? null : sum + count), 0)
}

/** Not what the step says came of it: whoever carries an incident out may write there what he likes. */
async function endedEarlier(transaction: Transaction<IdpTables>, incident: string): Promise<EndedSessions | undefined> {
  const one = transaction.selectFrom('incidents').where('incident', '=', incident)
  return (await one.select('sessions_ended').executeTakeFirst())?.sessions_ended ?? undefined
}

async function keepEnded(transaction: Transaction<IdpTables>, incident: string, ended: EndedSessions): Promise<void> {
  const update = transaction.updateTable('incidents').set({ sessions_ended: JSON.stringify(ended) })
  await update.where('incident', '=', incident).execute()
}

/** As the plan gives it, or as it was when this was done before. */
function momentOf(
  selector: Selected['selector'],
  issuer: string,
  earlier: EndedSessions | undefined,
): number | undefined {
  if ('issuedBefore' in selector && selector.issuedBefore !== undefined) return Date.parse(selector.issuedBefore)
  const [same] = deniedFor([{ selector, issuedBefore: 0 }], issuer, 0, 0)
  const entry = earlier?.entries.find((told) => same && told[same.kind] === same.value)
  return entry?.issuedBefore === undefined ? undefined : Date.parse(entry.issuedBefore)
}
