// What the scripts of this operator have in common. They run in the folder of his file of commands, where the state of
// the identity provider is too.
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { readState, writeState } from './state.js'

export const asked = JSON.parse(readFileSync(0, 'utf8'))
export const now = () => new Date().toISOString()
export const answer = (reply) => process.stdout.write(JSON.stringify(reply))

export async function reach(path, options) {
  try {
    return await fetch(`${asked.issuer}${path}`, options)
  } catch (error) {
    console.error(`${asked.issuer} does not answer: ${error.cause?.code}`)
    // EX_TEMPFAIL: it may come back, try again.
    process.exit(75)
  }
}

export function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = `key-${randomUUID().slice(0, 8)}`
  return { kid, publishedAt: now(), jwk: { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' } }
}

// Done is what the provider shows to everybody, not what is written in a file.
export async function put(state) {
  await reach('/jwks')
  writeState(state)
  process.kill(Number(readFileSync('idp.pid', 'utf8')), 'SIGHUP')
  const wanted = readState().keys.map(({ kid }) => kid)
  while ((await publishedKids()).join() !== wanted.join()) await pause(20)
}

async function publishedKids() {
  const response = await reach('/jwks')
  return (await response.json()).keys.map(({ kid }) => kid)
}

export function thumbprintOf({ crv, kty, x, y }) {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

export function shown({ keys, revoked }) {
  const published = keys.map(({ kid, jwk, activatedAt }, place) => ({
    kid,
    algorithm: 'ES256',
    state: place === 0 ? 'active' : activatedAt ? 'retiring' : 'prepared',
    thumbprint: thumbprintOf(jwk),
  }))
  return [...published, ...revoked.map((key) => ({ ...key, algorithm: 'ES256', state: 'revoked' }))]
}
