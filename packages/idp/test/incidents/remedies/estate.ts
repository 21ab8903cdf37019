/** An incident about the key that signs, in an estate of the tests. */
import { newSteps, type PlanInput, plan } from '@rekey/breakglass'
import { type Estate, eventually, type TestInstance } from '../../estate.ts'

type Asked = Omit<PlanInput, 'reason'>

/** Writes an incident down as it is opened, and leaves out what the freeze and the guard do. */
export async function openIncident({ db }: Estate, asked: Asked): Promise<void> {
  const made = plan.parse({ reason: 'a drill', ...asked })
  const { incident } = made
  const values = { plan: JSON.stringify(made), steps: JSON.stringify(newSteps()), timeline: '[]' }
  await db
    .insertInto('incidents')
    .values({ incident, ...values, opened_by: 'admin-1', frozen: false, opened_at: new Date() })
    .execute()
}

/** Asks for remedies, as one client with one token. */
export function remediesOf(idp: TestInstance, bearer: string) {
  const path = (incident: string, what: string) => `/api/v1/incidents/${incident}/${what}`
  return {
    post: (incident: string, what: string, body?: unknown) => idp.manage('POST', path(incident, what), body, bearer),
    get: (incident: string, what: string) => idp.manage('GET', path(incident, what), undefined, bearer),
  }
}

export const signing = 'signing-es256'

/** The `kid` of a version in a state, as soon as there is one. */
export async function kidIn(idp: TestInstance, bearer: string, state: string, name = signing): Promise<string> {
  const read = async () => {
    const { body } = await idp.manage('GET', `/api/v1/keyrings/${name}`, undefined, bearer)
    return body.versions.find((version: { state: string }) => version.state === state)?.id ?? ''
  }
  return eventually(read, (found: string) => found !== '')
}
