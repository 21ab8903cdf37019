import { createHash } from 'node:crypto'
import type { Moment } from '../../clock.ts'
import type { Jwk } from '../../keys/jwk.ts'
import { parseSource, readSecretFile, type SecretSource } from '../../secrets/source.ts'
import { assertStrongSecrets } from '../../secrets/strength.ts'
import type { Revision } from '../source.ts'

/** Shared secrets as they were read, as JWKs with ids, in the order in which they are tried. */
export interface SecretsRead {
  readonly keys: readonly Jwk[]
  readonly revokedKids: readonly string[]
  readonly revision: Revision | null
}

/** Where shared secrets stand. */
export interface SecretOrigin {
  /** Whether tokens may name the ids. */
  readonly named: boolean
  /** Whether what stands there can change while the process runs. */
  readonly watched: boolean
  read(algorithms: readonly string[]): Promise<SecretsRead>
  /** What was read last is in force now: whoever waits for that is told. Resolves to when he was told last. */
  inForce?(algorithms: readonly string[]): Promise<Moment>
  /** For how long whoever waits counts on what he was told last. */
  readonly leaseMs?: number
  /** Nobody holds what was read any more. */
  leave?(): Promise<void>
}

/** A secret is its text: the key is the bytes of that in UTF-8, as every library that takes a string makes it. */
export function secretJwk(secret: string, kid: string): Jwk {
  return { kty: 'oct', k: Buffer.from(secret).toString('base64url'), kid }
}

/** Tells an operator which secrets are loaded, and tells nobody what they are. */
function fingerprint(secret: string): string {
  return createHash('sha256').update('rekey shared secret fingerprint\0').update(secret).digest('hex').slice(0, 8)
}

/** @throws {TypeError} for a source that is none, or whose secrets are too weak for any algorithm */
export function listedSecrets(source: SecretSource | undefined): SecretOrigin {
  const parsed = parseSource(source)
  if ('secrets' in parsed) assertStrongSecrets(parsed.secrets, [])
  return {
    named: false,
    watched: 'file' in parsed,
    read: async (algorithms) => {
      const secrets = 'file' in parsed ? await readSecretFile(parsed.file) : parsed.secrets
      assertStrongSecrets(secrets, algorithms)
      const keys = secrets.map((secret) => secretJwk(secret, fingerprint(secret)))
      return { keys, revokedKids: [], revision: null }
    },
  }
}
