/** What happens in an estate that operators must hear of. */
import { connect } from '@rekey/database'
import { eventually } from '@rekey/database/testing'
import type { Rekey } from '@rekey/idp/testing'

export interface Credential {
  readonly path: string
  readonly clientId: string
  readonly clientSecret: string
}

const daysFromNow = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()

/** A credential of an agent of its own, in production. */
export async function newCredential({ manage }: Rekey, name: string, days: number): Promise<Credential> {
  const { agentId } = await manage('POST', '/api/v1/agents', { name, scopes: ['reports:read'] })
  const path = `/api/v1/agents/${agentId}/credentials`
  const { credentialId, clientId, clientSecret } = await manage('POST', path, { expiresAt: daysFromNow(days) })
  return { path: `${path}/${credentialId}`, clientId, clientSecret }
}

export async function rotate({ manage }: Rekey, { path, clientId }: Credential): Promise<Credential> {
  const { clientSecret } = await manage('POST', `${path}/rotate`, { expiresAt: daysFromNow(365) })
  return { path, clientId, clientSecret }
}

/** Asks for a token, as the client or whoever has its secret. @returns the status */
export async function present({ url }: Rekey, { clientId, clientSecret }: Credential): Promise<number> {
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const headers = { authorization: basic(clientId, clientSecret) }
  const reply = await fetch(`${url}/api/v1/token`, { method: 'POST', headers, body })
  await reply.body?.cancel()
  return reply.status
}

/** A process that verifies and holds what it is made to hold. It asks for its lease all the time, as a real one does. */
export async function startVerifier(idp: Rekey, name: string) {
  const { clientId, clientSecret } = await idp.manage('POST', '/api/v1/verifiers', { name })
  const held = { epoch: 0, n: 0 }
  const about = { instance: 'a', library: 'test/1', mode: 'last-known-good', ceilingSeconds: 300 }
  const ask = async () => {
    const headers = { authorization: basic(clientId, clientSecret), 'content-type': 'application/json' }
    const body = JSON.stringify({ ...about, ...held })
    return (await fetch(`${idp.url}/trust/lease`, { method: 'POST', headers, body })).json() as Promise<{
      leaseSeconds: number
      epoch: number
      n: number
    }>
  }
  const asking = setInterval(() => ask().catch(() => undefined), 1_000)
  return {
    /** Takes what is newest until it is granted a lease. */
    catchUp: () =>
      eventually(
        async () => {
          const { leaseSeconds, epoch, n } = await ask()
          if (leaseSeconds === 0) Object.assign(held, { epoch, n })
          return leaseSeconds
        },
        (seconds) => seconds > 0,
      ),
    stop: () => clearInterval(asking),
  }
}

/** Changes the audit past the service, as the owner of its tables can. @returns what puts it back */
export async function tamper({ database }: Rekey): Promise<() => Promise<void>> {
  const owner = connect(database.ownerUrl, { max: 1 })
  const first = '(SELECT id FROM audit_events ORDER BY inserted LIMIT 1)'
  const set = async (actor: string) => {
    await owner.pool.query('ALTER TABLE audit_events DISABLE TRIGGER ALL')
    await owner.pool.query(`UPDATE audit_events SET actor = $1 WHERE id = ${first}`, [actor])
    await owner.pool.query('ALTER TABLE audit_events ENABLE TRIGGER ALL')
  }
  const { rows } = await owner.pool.query(`SELECT actor FROM audit_events WHERE id = ${first}`)
  await set('somebody else')
  return async () => {
    await set(rows[0].actor)
    await owner.close()
  }
}

function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}
