/**
 * Where incidents take place: an estate under load with APIs of each kind (two on the feed, one that polls, one with jose
 * that is not ours and goes on accepting), an operator who reaches the identity provider through taps, and an incident that
 * nothing disturbed, which all others must end like.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { IncidentDocument } from 'rekey'
import { cachingApi, pollingApi } from 'rekey/testing'
import { atEnd } from '../estate/at-end.ts'
import { type DatabaseUrls, databaseOfRun } from '../estate/database.ts'
import { type Estate, startEstate } from '../estate/estate.ts'
import { bearer, decodeUnverified, send } from '../estate/http.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { until } from '../estate/until.ts'
import { Load } from '../record/load.ts'
import { Tap, type Watcher } from '../wire/tap.ts'
import { type End, endOf } from './end.ts'
import { Operator, type Ran } from './operator.ts'

export const keyring = 'signing-es256'
const refreshToken = 'r'.repeat(64)

export interface Stage {
  estate: Estate
  database: DatabaseUrls
  taps: readonly Tap[]
  operator: Operator
  polling: Awaited<ReturnType<typeof pollingApi>>
  caching: Awaited<ReturnType<typeof cachingApi>>
  /** How an incident ends that nothing disturbed. */
  undisturbed: End
}

/** An incident that is to be: the key that signs now is compromised. */
export interface Incident {
  id: string
  kid: string
  /** `break-glass` and all that it is told. */
  words: string[]
}

export async function stageOf(t: TestContext, server?: { urls: DatabaseUrls }): Promise<Stage> {
  const database = server?.urls ?? (await databaseOfRun(t))
  const internal = { INTERNAL_JWKS_REFRESH_TOKEN: refreshToken }
  const estate = await startEstate(t, { database, apiEnvironment: () => internal })
  const taps = await Promise.all(estate.idps.map(({ url }) => Tap.to(url)))
  const issuer = estate.idps[0]?.url ?? ''
  const polling = await pollingApi(issuer, internal)
  const caching = await cachingApi(issuer)
  for (const closed of [...taps, polling, caching]) atEnd(t, () => closed.close())
  const addresses = taps.map(({ url }) => url)
  const apis = [...estate.apis, polling, caching].map(({ url }) => url)
  const operator = await Operator.of(t, { idps: addresses, apis, admin: estate.administrator }, refreshToken)
  const stage = { estate, database, taps, operator, polling, caching }
  await untilStandby(stage)
  loaded(t, stage)
  undisturbed ??= endUndisturbed(stage)
  return { ...stage, undisturbed: await undisturbed }
}

/** On whichever stage is ready first: on the others it would end the same. */
let undisturbed: Promise<End> | undefined

async function endUndisturbed(stage: Omit<Stage, 'undisturbed'>): Promise<End> {
  const incident = await begin(stage, 'INC-UNDISTURBED')
  const end = await endOf(stage, incident, await stage.operator.rekey(...incident.words))
  await settle(stage, incident)
  assert.deepEqual([end.frozen, end.notDone, end.evidence.consistent], [true, [], true])
  return end
}

/** Calls of ours from the beginning: those on the feed by the estate's own load, and the one that polls. */
function loaded(t: TestContext, { estate, polling }: Pick<Stage, 'estate' | 'polling'>): void {
  const { agent, recording, idps } = estate
  estate.startLoad()
  const load = new Load({ idps: idps.map(({ url }) => url), apis: [polling.url], agent, recording })
  atEnd(t, () => load.stop())
}

/** Everything of the incident before has settled, and the APIs know the keys that are published now, as they do after a while. */
export async function begin(
  stage: Omit<Stage, 'undisturbed'>,
  id: string,
  apis?: readonly string[],
): Promise<Incident> {
  const { estate, polling, caching } = stage
  const kid = await untilStandby(stage)
  const refreshed = await send(`${polling.url}/internal/auth/jwks/refresh`, { method: 'POST', ...bearer(refreshToken) })
  assert.equal(refreshed.status, 200)
  caching.restart()
  const token = await estate.token()
  assert.equal(decodeUnverified(token).kid, kid)
  await caching.warm(token)
  // From here on its tokens may be refused; from that answer on they must be, where there is a feed, and nobody makes any more.
  estate.recording.revocationAsked(kid)
  watch(stage, {
    answered({ path }, status) {
      const isRevoked = path === `/api/v1/incidents/${id}/revoke` && status === 200
      if (isRevoked) estate.recording.revocationAnswered(kid, Date.now())
    },
  })
  const ours = [
    ...estate.apis.map(({ url }) => `${url} library=@rekey/verifier-feed`),
    `${polling.url} library=@rekey/verifier`,
  ]
  const named = apis ?? [...ours, `${caching.url} library=jose`]
  const words = [
    '--kid',
    kid,
    '--incident',
    id,
    '--reason',
    'drill',
    '--revoke-sub',
    `mallory-${id}`,
    '--prove-for',
    '1s',
  ]
  return { id, kid, words: ['break-glass', ...words, ...named.flatMap((api) => ['--api', api]), '--json'] }
}

/** Unfreezes administration, so that the next incident begins as the first one did. */
export async function settle({ estate }: Pick<Stage, 'estate'>, { id }: Incident): Promise<void> {
  const by = { operator: 'Ada', reason: 'reviewed' }
  await until(`${id} freezes nothing any more`, async () => {
    const url = estate.idps[0]?.url ?? ''
    const reply = await estate.admin.call(url, 'POST', `/api/v1/incidents/${id}/unfreeze`, by)
    return reply?.status === 200 && !reply.body.frozen
  })
}

/** It ended as one does that nothing disturbed. */
export async function endsAlike(stage: Stage, incident: Incident, ran: Ran): Promise<IncidentDocument> {
  assert.deepEqual(await endOf(stage, incident, ran), stage.undisturbed, incident.id)
  await settle(stage, incident)
  return JSON.parse(ran.stdout)
}

/** @returns ends it */
export function watch({ taps }: Pick<Stage, 'taps'>, watcher: Watcher): () => void {
  for (const tap of taps) tap.watchers.add(watcher)
  return () => {
    for (const tap of taps) tap.watchers.delete(watcher)
  }
}

/** @returns the id of what signs */
async function untilStandby({ estate }: Pick<Stage, 'estate'>): Promise<string> {
  return until('there is a standby, and nothing is under way', async () => {
    const seen = await Promise.all(estate.idps.map(({ url }) => estate.admin.keyring(url, keyring)))
    const isSettled = seen.every((one) => one !== undefined && isRotatedFrom(one, ''))
    const [first, ...others] = seen.map((one) => one && activeOf(one))
    return isSettled && others.every((other) => other === first) ? first : undefined
  })
}
