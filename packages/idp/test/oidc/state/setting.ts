/** Where the OpenID provider keeps its state, on a real database, and without a provider. */
import { randomBytes } from 'node:crypto'
import { type RootKey, sealerFor } from '@rekey/database'
import type { AdapterPayload } from 'oidc-provider'
import { stateAdapter } from '../../../src/oidc/state/adapter.ts'
import type { Estate } from '../../estate.ts'

export const roots: [RootKey, RootKey] = [
  { id: '0123456789ab', key: randomBytes(32) },
  { id: 'ba9876543210', key: randomBytes(32) },
]

/** As an instance has it that seals by one root key and holds several. */
export function stateOf({ db }: Estate, sealing: RootKey = roots[0], reuseMs = 0) {
  const sealer = sealerFor({ all: roots, sealing })
  const holding = { connection: { db }, sealer, requireRoom() {} } as unknown as Parameters<typeof stateAdapter>[0]
  return { sealer, of: stateAdapter(holding, async () => reuseMs) }
}

export const day = 86_400

/** A login of a user, and what he granted to a client in it. */
export async function login(of: ReturnType<typeof stateAdapter>, name: string, more: Partial<AdapterPayload> = {}) {
  const accountId = `account-${name}`
  const clientId = 'client-1'
  const [session, uid, grant, sid] = [`session-${name}`, `uid-${name}`, `grant-${name}`, `sid-${name}`]
  const given = { accountId, clientId, grantId: grant, sessionUid: uid, sid, ...more }
  await of('Grant').upsert(grant, { jti: grant, kind: 'Grant', accountId, clientId, ...more }, day)
  const authorizations = { [given.clientId ?? '']: { sid, grantId: grant } } as never
  await of('Session').upsert(session, { jti: session, kind: 'Session', uid, accountId, authorizations }, day)
  const names = { code: `code-${name}`, refresh: `refresh-${name}`, access: `access-${name}` }
  const save = (model: string, id: string) => of(model).upsert(id, { jti: id, kind: model, ...given }, day)
  await save('AuthorizationCode', names.code)
  await save('RefreshToken', names.refresh)
  await save('AccessToken', names.access)
  return { accountId, session, uid, grant, sid, given, save, ...names }
}

/** Which of a login can still be used. */
export async function left(of: ReturnType<typeof stateAdapter>, of1: Awaited<ReturnType<typeof login>>) {
  const ids: [string, string][] = [
    ['Session', of1.session],
    ['Grant', of1.grant],
    ['AuthorizationCode', of1.code],
    ['RefreshToken', of1.refresh],
    ['AccessToken', of1.access],
  ]
  const found = await Promise.all(ids.map(async ([model, id]) => ((await of(model).find(id)) ? [model] : [])))
  return found.flat()
}
