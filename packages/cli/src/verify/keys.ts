/** The keys: of the identity provider, and that by which the backend authenticates there. */
import { activeOf } from '../client/keyring.ts'
import { readKeyring } from '../client/keyrings.ts'
import { readClient } from '../client/registration/clients.ts'
import { expect, NotTried } from './check.ts'
import { askForJson, type Subject } from './subject.ts'

export async function discovery(subject: Subject) {
  const { idp } = subject
  const { issuer } = await askForJson(subject, new URL(`${idp}/.well-known/openid-configuration`))
  expect(issuer === idp, `the issuer calls itself ${issuer}, and not ${idp}`)
  return { detail: `${idp} describes itself` }
}

export async function publishedKeys(subject: Subject) {
  const { keys = [] } = (await askForJson(subject, new URL('/.well-known/jwks.json', subject.bff))) as KeySet
  expect(!keys.some((key) => 'd' in key || 'k' in key), 'a private key is published')
  const kids = keys.map(({ kid }) => kid)
  const kid = activeOf(await readKeyring(subject.management, 'bff-client'))?.id
  expect(kid !== undefined && kids.includes(kid), `${kid ?? 'no key'} signs; published: ${kids.join(', ') || 'none'}`)
  return { detail: `${keys.length} published, ${kid} signs`, kid }
}

interface KeySet {
  keys?: { kid?: string }[]
}

/** A code is exchanged only for whoever authenticates: the login has shown that he does, and this shows by which key. */
export async function acceptedKey(
  { management }: Subject,
  clientId: string | undefined,
  isIn: boolean,
  kid: string | undefined,
) {
  if (clientId === undefined || !isIn) throw new NotTried('no code was exchanged')
  if (kid === undefined) throw new NotTried('it is not known by which key the backend signs')
  const { keys, metadata } = await readClient(management, clientId)
  const method = metadata.token_endpoint_auth_method
  if (method !== 'private_key_jwt') throw new NotTried(`client ${clientId} authenticates by ${method}`)
  const kids = keys.map((key) => key.kid)
  expect(kids.includes(kid), `${kid} signs; the IdP knows ${kids.join(', ') || 'none'}`)
  return { detail: `the IdP took a code from ${clientId} and knows ${kid}` }
}
