/**
 * Tokens that instances of APIs are probed with. They are access tokens like others, of nobody, and allow nothing: whoever they
 * are shown to knows by the subject what they are.
 */

import { randomUUID } from 'node:crypto'
import type { Plan, Probe, ProbeKind } from '@rekey/breakglass'
import { databaseNow, recordEvent } from '@rekey/database'
import { isAccepted } from '@rekey/keyring'
import { iso, transact } from '@rekey/service'
import type { Transaction } from 'kysely'
import { denyWithin } from '../../denied/store.ts'
import { IdpError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import { privateKeyOf, tokenHeader } from '../../signing/keys.ts'
import { signatures } from '../../signing/sign.ts'
import type { IdpTables } from '../../tables.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { unknownIncident } from '../record.ts'
import { findKey } from './key.ts'

/** So that a check can be repeated for a month: once the key is revoked, nobody can make another one. */
const compromisedTtlMs = 30 * 86_400_000

type By = Pick<Caller, 'clientId'>
/** A key, with the header of what it signs. */
type Signing = { kid: string; header: string; sign(input: Buffer): Buffer | Promise<Buffer> }

/**
 * A token to probe with. `compromised`: by the key that the incident is about, made once and the same at each call. `fresh`: a new
 * one by whatever signs now. `denied`: the same, and every live instance refuses it already.
 *
 * @throws IdpError, where no token of the compromised key was made before: `KEY_CANNOT_SIGN` when its private half is gone,
 *   `NOT_FROZEN` while the incident does not freeze administration
 */
export function probe(instance: Instance, plan: Plan, kind: ProbeKind, by: By): Promise<Probe> {
  if (kind === 'compromised') return compromised(instance, plan, by)
  return kind === 'fresh' ? fresh(instance, plan, by) : denied(instance, plan, by)
}

async function fresh(instance: Instance, plan: Plan, by: By): Promise<Probe> {
  const made = await mintFresh(instance, plan)
  await transact(instance.connection.db, (transaction) => recordMinted(transaction, plan, 'fresh', made, by))
  return made
}

async function denied(instance: Instance, plan: Plan, by: By): Promise<Probe> {
  const made = await mintFresh(instance, plan)
  const row = { kind: 'jti', value: made.jti, issuedBefore: null, endsAt: Date.parse(made.expiresAt) } as const
  const revision = await transact(instance.connection.db, async (transaction) => {
    await recordMinted(transaction, plan, 'denied', made, by)
    return denyWithin(transaction, [row], by.clientId, { incident: plan.incident })
  })
  await instance.view.everywhere(revision)
  return made
}

/** Where it is stored; sealing binds it to this place. */
export const probeRecord = (incident: string) => `incidents/${incident}/probe`

/** Two that ask at the same moment get the same token: the row of the incident is locked meanwhile. */
function compromised(instance: Instance, plan: Plan, by: By): Promise<Probe> {
  const { sealer, store, connection } = instance
  const record = probeRecord(plan.incident)
  return transact(connection.db, async (transaction) => {
    const one = transaction.selectFrom('incidents').where('incident', '=', plan.incident)
    const row = await one.select(['sealed_probe', 'frozen']).forUpdate().executeTakeFirst()
    if (!row) throw unknownIncident()
    if (row.sealed_probe !== null) return JSON.parse(sealer.open(record, row.sealed_probe).toString()) as Probe
    // A token that outlives all others is not to be had for a look at an incident that nobody carries out.
    if (!row.frozen) {
      throw new IdpError(
        'NOT_FROZEN',
        'a token by the compromised key is made while its incident freezes administration',
      )
    }
    const key = await compromisedKey(instance, plan.kid)
    const made = await mint(instance, plan, key, await store.now(), compromisedTtlMs)
    const sealed = sealer.seal(record, Buffer.from(JSON.stringify(made)))
    const update = transaction.updateTable('incidents').set({ sealed_probe: sealed, probe_jti: made.jti })
    await update.where('incident', '=', plan.incident).execute()
    await recordMinted(transaction, plan, 'compromised', made, by)
    return made
  })
}

/**
 * Where an incident ends without the revocation of its key, the token by that key is good for a month: it is denied, and
 * forgotten, because its refusal says nothing about the key any more.
 */
export async function denyUnlessRevoked(
  { store }: Pick<Instance, 'store'>,
  transaction: Transaction<IdpTables>,
  { incident, kid }: Pick<Plan, 'incident' | 'kid'>,
  actor: string,
): Promise<void> {
  const one = transaction.selectFrom('incidents').where('incident', '=', incident)
  const jti = (await one.select('probe_jti').executeTakeFirst())?.probe_jti ?? null
  const found = await findKey(store, kid)
  if (jti === null || !found || !isAccepted(found.version)) return
  const forgotten = transaction.updateTable('incidents').set({ sealed_probe: null, probe_jti: null })
  await forgotten.where('incident', '=', incident).execute()
  const endsAt = (await databaseNow(transaction)) + compromisedTtlMs
  const row = { kind: 'jti', value: jti, issuedBefore: null, endsAt } as const
  // Nothing can be taken off the list while administration is frozen: a full one must not keep it so.
  await denyWithin(transaction, [row], actor, { incident, most: Number.POSITIVE_INFINITY })
}

/** By the stored document, as every instance can read it: in memory they hold only what signs now. */
async function compromisedKey({ store, sealer }: Instance, kid: string): Promise<Signing> {
  const found = await findKey(store, kid)
  const sealed = found?.version.sealedPrivate
  const signature = signatures[found?.keyring.algorithm ?? '']
  if (!found || sealed === undefined || !signature) {
    throw new IdpError(
      'KEY_CANNOT_SIGN',
      'the private half of this key is gone: no token of it can be made to probe with',
    )
  }
  const key = privateKeyOf(sealer, found.keyring, kid, sealed)
  return { kid, header: tokenHeader(found.keyring.algorithm, kid), sign: (input) => signature(key, input) }
}

async function mintFresh(instance: Instance, plan: Plan) {
  const now = await instance.store.now()
  const keys = instance.keys()
  const active = keys.active(instance.issuance().keyring)
  const signer = { ...active, sign: (input: Buffer) => keys.sign(active.kid, input) }
  return mint(instance, plan, signer, now, instance.config.accessTokenTtlMs)
}

async function mint(
  { config, requireLease }: Instance,
  { incident }: Plan,
  { kid, header, sign }: Signing,
  now: number,
  ttlMs: number,
) {
  // Something was read meanwhile, and without a lease the key may have been revoked.
  requireLease()
  const iat = Math.floor(now / 1_000)
  const exp = iat + Math.floor(ttlMs / 1_000)
  const jti = randomUUID()
  const nobody = `urn:rekey:probe:${incident}`
  const claims = { iss: config.issuer, sub: nobody, aud: config.audience, client_id: nobody, jti, iat, exp }
  const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  const signature = await sign(Buffer.from(input))
  return { token: `${input}.${signature.toString('base64url')}`, kid, jti, expiresAt: iso(exp * 1_000) }
}

function recordMinted(
  transaction: Transaction<IdpTables>,
  { incident }: Plan,
  kind: ProbeKind,
  { kid, jti }: Probe,
  { clientId: actor }: By,
): Promise<void> {
  const details = { incident, kind, kid, jti }
  return recordEvent(transaction, { action: 'incident.probe_minted', outcome: 'success', actor, details })
}
