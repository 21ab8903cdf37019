/** An estate with agents that have credentials, for the tests of credentials. */
import { randomUUID } from 'node:crypto'
import { after, before } from 'node:test'
import { type Estate, type Reply, startEstate, type TestInstance } from '../estate.ts'

export const anHourMs = 3_600_000

export interface TestCredential {
  credentialId: string
  clientId: string
  clientSecret: string
  expiresAt?: string
  overlapEndsAt?: string
}

/** Starts an estate with some instances of one issuer before the tests of a suite, and stops it after them. */
export function settingOf(instances: number, environment: Record<string, string> = {}) {
  let estate: Estate
  const all: TestInstance[] = []
  before(async () => {
    estate = await startEstate({ REKEY_ISSUER: 'http://idp.example', ...environment })
    for (let started = 0; started < instances; started += 1) all.push(await estate.instance())
  })
  after(() => estate.stop())

  const setting = {
    estate: () => estate,
    /** @param number from 0 */
    idp: (number = 0) => all[number] as TestInstance,
    /** Creates an agent, and a credential of it. */
    async credential(body: object = {}, agent: object = {}): Promise<TestCredential> {
      const { agentId } = (await setting.idp().manage('POST', '/api/v1/agents', { name: randomUUID(), ...agent })).body
      const created = await setting.idp().manage('POST', `/api/v1/agents/${agentId}/credentials`, body)
      if (created.status !== 201) throw new Error(`no credential: ${JSON.stringify(created.body)}`)
      return created.body
    },
    rotate: (of: TestCredential, body: object = {}, number = 0): Promise<Reply> =>
      setting.idp(number).manage('POST', `${pathOf(of)}/rotate`, body),
    detail: async (of: TestCredential) => (await setting.idp().manage('GET', pathOf(of))).body,
    /** What the token endpoint answers to this secret at each instance. */
    async accepted(of: TestCredential): Promise<boolean[]> {
      const replies = await Promise.all(all.map((idp) => idp.token(of)))
      return replies.map(({ status }) => status === 200)
    },
    /** All that the database holds of a credential, and all that was recorded about its agent. */
    async stored(of: TestCredential): Promise<string> {
      const db = estate.db
      const [credentials, events, replies] = await Promise.all([
        db.selectFrom('credentials').selectAll().where('credential_id', '=', of.credentialId).execute(),
        db.selectFrom('audit_events').selectAll().where('agent_id', '=', of.clientId).execute(),
        db.selectFrom('idempotent_replies').selectAll().execute(),
      ])
      return JSON.stringify([credentials, events, replies])
    },
    events: (of: TestCredential) =>
      estate.db
        .selectFrom('audit_events')
        .select(['action', 'actor', 'outcome', 'details', 'organization_id'])
        .where('agent_id', '=', of.clientId)
        .orderBy('inserted')
        .execute(),
  }
  return setting
}

export function pathOf({ clientId, credentialId }: TestCredential): string {
  return `/api/v1/agents/${clientId}/credentials/${credentialId}`
}

export function iso(ms: number): string {
  return new Date(ms).toISOString()
}
