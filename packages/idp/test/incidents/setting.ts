/** What the tests of incidents have in common. */
import { agent, decodeUnverified, type TestInstance } from '../estate.ts'

export const incidents = '/api/v1/incidents'

/** The id of the key that signs access tokens now. */
export async function signingKid(idp: TestInstance): Promise<string> {
  return decodeUnverified((await idp.token(agent)).body.access_token).header.kid
}

/** Opens an incident about the key that signs now. */
export async function open(idp: TestInstance, incident: string, more: object = {}) {
  const kid = await signingKid(idp)
  return idp.manage('POST', incidents, { incident, kid, reason: 'leaked', run: false, ...more })
}

/** As an operator does on some instance. */
export function onIncident(idp: TestInstance, incident: string) {
  const path = `${incidents}/${incident}`
  return {
    show: () => idp.manage('GET', path),
    claim: (runner: string, seconds = 15) => idp.manage('POST', `${path}/claim`, { runner, seconds }),
    release: (runner: string) => idp.manage('POST', `${path}/release`, { runner }),
    step: (name: string, change: object) => idp.manage('PUT', `${path}/steps/${name}`, change),
    freeze: () => idp.manage('POST', `${path}/freeze`),
    unfreeze: (by?: object) => idp.manage('POST', `${path}/unfreeze`, by),
    evidence: () => idp.manage('GET', `${path}/evidence`),
  }
}
