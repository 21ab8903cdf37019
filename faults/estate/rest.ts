/** When an estate is at rest: nothing is under way, nobody lags, nobody is missing, and nobody had to help. */
import type { SeenKeyring } from '../record/record.ts'
import type { Estate, Member } from './estate.ts'
import { ask } from './http.ts'

const keyrings = ['signing-es256', 'signing-rs256']
const withinMs = 60_000
const pollMs = 200

/** @throws Error that names what did not come to rest */
export async function atRest(estate: Estate): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const unrest = await unrestOf(estate)
    if (unrest.length === 0) return
    if (performance.now() > deadline) throw new Error(`not at rest after ${withinMs} ms: ${unrest.join('; ')}`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

async function unrestOf(estate: Estate): Promise<string[]> {
  const members = [...estate.idps, ...estate.apis]
  const notReady = (await Promise.all(members.map(notReadyOf))).flat()
  if (notReady.length > 0) return notReady
  const found = await Promise.all([
    ...estate.idps.flatMap((idp) => keyrings.map((name) => keyringUnrest(estate, idp, name))),
    instanceUnrest(estate),
    verifierUnrest(estate),
  ])
  return found.flat()
}

async function notReadyOf({ name, url, process }: Member): Promise<string[]> {
  const status = (await ask(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }))?.status
  return status === 200 ? [] : [`${name} answers ${status} to /readyz: ${process.output.slice(-400)}`]
}

async function keyringUnrest({ admin }: Estate, { url, name }: Member, keyring: string): Promise<string[]> {
  const seen = await admin.keyring(url, keyring)
  return seen ? unsettled(seen).map((what) => `${keyring} at ${name}: ${what}`) : [`${name} does not show ${keyring}`]
}

function unsettled({ versions, rotation }: SeenKeyring): string[] {
  const inState = (state: string) => versions.filter((version) => version.state === state)
  const standby = inState('prepared').some(({ servedAt }) => servedAt !== undefined)
  return [
    ...(rotation ? ['a rotation is under way'] : []),
    ...(inState('active').length === 1 ? [] : [`${inState('active').length} active`]),
    ...(standby ? [] : ['no standby that every instance serves']),
    ...versions
      .filter(({ revocation, state }) => revocation !== undefined && state !== 'revoked')
      .map(({ id }) => `${id} is to be revoked`),
    ...inState('retiring')
      .filter(({ demotedAt }) => demotedAt === undefined)
      .map(({ id }) => `${id} is not demoted everywhere`),
  ]
}

/** A dead one counts until its lease is over; after that there are as many as there are processes. */
async function instanceUnrest({ admin, idps }: Estate): Promise<string[]> {
  const listed = await admin.list(idps[0]?.url ?? '', 'instances')
  return listed.length === idps.length ? [] : [`${listed.length} instances hold leases, there are ${idps.length}`]
}

async function verifierUnrest({ admin, idps, apis }: Estate): Promise<string[]> {
  const listed: { id: string; live: boolean }[] = await admin.list(idps[0]?.url ?? '', 'verifiers')
  return apis.flatMap(({ name }) => {
    const live = listed.some((verifier) => verifier.id === `${name}/process` && verifier.live)
    return live ? [] : [`${name} is not live for the issuer`]
  })
}
