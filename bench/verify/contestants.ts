import { verify } from 'node:crypto'
import { verifyJwt } from '@rekey/verifier'
import { JwtVerifier } from 'aws-jwt-verify'
import * as fastJwt from 'fast-jwt'
import * as jose from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import type { Sample } from './token.ts'

/** Something that verifies the token of a sample once, and throws if it is not good. */
export interface Contestant {
  readonly name: string
  run(): unknown
}

/** What no verifier can beat on this runtime: the signature alone, with the key and the bytes ready. */
function ceiling({ algorithm, signingInput, publicKey, signature }: Sample): Contestant {
  const digest = algorithm === 'Ed25519' ? null : 'sha256'
  return {
    name: 'crypto.verify alone',
    run() {
      if (!verify(digest, signingInput, publicKey, signature)) throw new Error('the sample does not verify')
    },
  }
}

function rekey({ algorithm, token, jwk, issuer, audience }: Sample): Contestant {
  const options = { jwks: { keys: [jwk] }, issuer, audience, algorithms: [algorithm] }
  return { name: 'rekey', run: () => verifyJwt(token, options) }
}

async function joseOf({ algorithm, token, jwk, issuer, audience }: Sample): Promise<Contestant> {
  const key = await jose.importJWK(jwk as jose.JWK, algorithm)
  const options = { algorithms: [algorithm], issuer, audience }
  return { name: 'jose', run: () => jose.jwtVerify(token, key, options) }
}

function awsJwtVerify({ token, jwk, issuer, audience }: Sample): Contestant {
  const verifier = JwtVerifier.create({ issuer, audience, jwksUri: `${issuer}/jwks.json` })
  verifier.cacheJwks({ keys: [jwk] } as unknown as Parameters<typeof verifier.cacheJwks>[0])
  return { name: 'aws-jwt-verify', run: () => verifier.verifySync(token) }
}

function fastJwtOf({ algorithm, token, publicKey, issuer, audience }: Sample): Contestant {
  const key = publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const algorithms = [algorithm === 'Ed25519' ? 'EdDSA' : algorithm] as fastJwt.Algorithm[]
  const run = fastJwt.createVerifier({ key, cache: false, algorithms, allowedIss: issuer, allowedAud: audience })
  return { name: 'fast-jwt, cache off', run: () => run(token) }
}

function jsonWebTokenOf({ algorithm, token, publicKey, issuer, audience }: Sample): Contestant {
  const options = { algorithms: [algorithm], issuer, audience }
  return { name: 'jsonwebtoken', run: () => jsonwebtoken.verify(token, publicKey, options) }
}

/** Everybody who can verify the sample. Peers that do not know the name `Ed25519` (RFC 9864) sit that one out. */
export async function contestantsFor(sample: Sample): Promise<Contestant[]> {
  const everywhere = [ceiling(sample), rekey(sample), await joseOf(sample)]
  if (sample.algorithm === 'Ed25519') return everywhere
  return [...everywhere, awsJwtVerify(sample), fastJwtOf(sample), jsonWebTokenOf(sample)]
}
