import type { Inspection, Plan, VerifierShown } from '@rekey/breakglass'
import { standbyVersion } from '@rekey/keyring'
import { iso } from '@rekey/service'
import type { Instance } from '../../instance.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { withoutIssuerEntries } from '../../trust/knows-issuer.ts'
import { newestTrust } from '../../trust/leases.ts'
import { verifiers } from '../../trust/verifiers.ts'
import { type FoundKey, findKey, keysNow, showKey, sinceOf } from './key.ts'
import { lackBefore } from './leaked-store.ts'
import { endsOwn } from './sessions/selected.ts'
import { aboutStoredSecrets } from './stored-secrets.ts'

/**
 * Looks at what a plan would meet, and changes nothing.
 *
 * @param caller who would carry it out
 */
export async function inspectPlan(
  instance: Instance,
  plan: Plan,
  caller: Pick<Caller, 'clientId'>,
): Promise<Inspection> {
  const { config, store, connection, issuance, view } = instance
  const found = await findKey(store, plan.kid)
  const seen = await verifiersShown(instance)
  const newest = await newestTrust(connection.db)
  const now = await store.now()
  return {
    provider: { kind: 'rekey', issuer: config.issuer },
    ...(found ? { key: keyInQuestion(found) } : {}),
    keys: await keysNow(store),
    verifiers: seen,
    instances: (await view.live()).map(({ address }) => address),
    obstacles: [...obstaclesOf(plan, caller, now), ...(found ? await obstacleInStore(instance, plan) : [])],
    warnings: [
      ...(found ? aboutKey(found, issuance().keyring) : []),
      ...aboutVerifiers(seen, newest),
      ...aboutAll(plan, seen),
      ...aboutStore(plan),
      ...(await aboutSecrets(instance, plan, found)),
    ],
    now: iso(now),
  }
}

function keyInQuestion(found: FoundKey): Inspection['key'] {
  const { activatedAt, sealedPrivate } = found.version
  const shown = { ...showKey(found), canSign: sealedPrivate !== undefined }
  return activatedAt === undefined ? shown : { ...shown, activatedAt: iso(activatedAt) }
}

async function verifiersShown({ connection }: Instance): Promise<VerifierShown[]> {
  return (await verifiers(connection.db)).map(({ id, library, epoch, n, live, acceptsUntil }) => ({
    id,
    library,
    revision: { epoch, n },
    live,
    acceptsUntil: iso(acceptsUntil),
  }))
}

function obstaclesOf(plan: Plan, { clientId }: Pick<Caller, 'clientId'>, now: number): Inspection['obstacles'] {
  const found: Inspection['obstacles'] = []
  if (endsOwn(plan.sessions, clientId)) {
    const message =
      'the sessions that are to end are those of the very client that asks: the token by which it goes on would end in ' +
      'the middle. Let another client carry this out'
    found.push({ code: 'SELF_LOCK', message })
  }
  const moments = [plan.since, ...plan.sessions.map((selector) => momentOf(selector))]
  for (const moment of moments) {
    if (moment === undefined || Date.parse(moment) <= now) continue
    found.push({ code: 'PLAN_INVALID', message: `${moment} is in the future; it is ${iso(now)} here` })
  }
  return found
}

const momentOf = (selector: Plan['sessions'][number]) =>
  'issuedBefore' in selector ? selector.issuedBefore : undefined

const aboutState: Readonly<Record<string, string>> = {
  prepared: 'The key is only prepared: nothing was ever signed by it here. It is revoked all the same.',
  retiring: 'The key does not sign any more; tokens by it are accepted until they expire, or until it is revoked.',
  retired: 'The key is retired: nobody who asks us accepts it, and it cannot be revoked any more.',
  revoked: 'The key is revoked already.',
}

function aboutKey({ keyring, version }: FoundKey, issuing: string): string[] {
  const found: string[] = []
  const state = aboutState[version.state]
  if (state) found.push(state)
  if (version.sealedPrivate === undefined) {
    found.push(
      'The private half of the key is gone: unless a token was made to probe with before, it cannot be shown that ' +
        'instances refuse it. Give one that you have (--old-token-file).',
    )
  }
  if (version.state === 'active' && !standbyVersion(keyring)) {
    found.push('No other key is prepared: one is made first, and fresh tokens may wait for trust for up to 2 s.')
  }
  if (keyring.name !== issuing) found.push(`Tokens are issued by ${issuing} at the moment, not by ${keyring.name}.`)
  return found
}

function aboutVerifiers(seen: readonly VerifierShown[], newest: { epoch: number; n: number }): string[] {
  const live = seen.filter((verifier) => verifier.live)
  const lagging = live.filter(({ revision: { epoch, n } }) => epoch !== newest.epoch || n < newest.n)
  const gone = seen.filter((verifier) => !verifier.live)
  return [
    ...lagging.map(
      ({ id, acceptsUntil }) => `${id} does not hold what is newest, and accepts by what it has until ${acceptsUntil}.`,
    ),
    ...gone.map(({ id }) => `${id} has no lease: nothing is known about it, and nobody waits for it.`),
    'Verifiers that poll cannot be seen from here: each of their instances has to be named, to be refreshed and probed.',
  ]
}

function aboutAll({ sessions }: Plan, seen: readonly VerifierShown[]): string[] {
  const old = sessions.some((selector) => 'all' in selector) ? withoutIssuerEntries(seen) : []
  return old.map((id) => `${id} is of a release that does not know how to deny all sessions: update it first.`)
}

/** Since when the store may have been read: as changes are looked for. */
async function aboutSecrets({ connection }: Instance, plan: Plan, found: FoundKey | undefined): Promise<string[]> {
  const since = sinceOf(plan, found)
  return plan.suspectStore && since !== undefined ? aboutStoredSecrets(connection.db, plan, since) : []
}

async function obstacleInStore(instance: Instance, plan: Plan): Promise<Inspection['obstacles']> {
  const message = plan.suspectStore ? await lackBefore(instance, plan) : undefined
  return message === undefined ? [] : [{ code: 'ROOT_KEY_NOT_REPLACED', message }]
}

function aboutStore({ suspectStore }: Plan): string[] {
  if (!suspectStore) return []
  return [
    'Every signing key is replaced by one that was never published: until a verifier has heard of it, it refuses fresh ' +
      'tokens. For verifiers on the feed that is up to 2 s, for those that poll until they look again.',
  ]
}
