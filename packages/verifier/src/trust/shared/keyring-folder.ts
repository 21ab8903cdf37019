/**
 * Shared secrets from a keyring that Rekey keeps in a folder. Each revision of it is a document that is never changed:
 *
 *     NNNNNNNNNNNN.json   { "keyring": { "kind": "shared-secret", "algorithm": "HS256", "revision": n,
 *                                        "versions": [{ "id", "state", "sealedPrivate": the secret }] } }
 *
 * The highest number is the newest. Secrets are accepted while they are prepared, active or retiring. That this process has
 * loaded a revision is what the next rotation waits for: see {@link Holder}.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { VerifyError } from '../../error.ts'
import { assertStrongSecrets } from '../../secrets/strength.ts'
import { HOLDER_LEASE_MS, Holder } from './holder.ts'
import { type SecretOrigin, type SecretsRead, secretJwk } from './origin.ts'

interface Version {
  readonly id: string
  readonly state: string
  readonly sealedPrivate?: string
}

interface Document {
  readonly algorithm: string
  readonly revision: number
  readonly versions: readonly Version[]
}

const failed = (detail: string, cause?: unknown) => new VerifyError('secrets_failed', { detail, cause })

/** The active one first: nearly every token that names no `kid` is signed with it. */
const ORDER = ['active', 'retiring', 'prepared']

/** @throws {TypeError} for a name that can be none of a file */
export function keyringFolder(folder: string, instance: string | undefined, clock: Clock): SecretOrigin {
  const holder = new Holder(join(folder, 'holders'), instance, clock)
  let held = 0
  return {
    named: true,
    watched: true,
    async read(algorithms) {
      const document = await newest(folder)
      // Where a backup was restored, secrets that were revoked since would be good again.
      if (document.revision < held) throw new VerifyError('revision_backwards')
      const read = secretsOf(document, algorithms)
      held = document.revision
      return read
    },
    inForce: async (algorithms) => holder.acknowledge(held, algorithms),
    leaseMs: HOLDER_LEASE_MS,
    leave: () => holder.leave(),
  }
}

/** How often a document may be gone again when it is opened: each time eight newer ones were saved meanwhile. */
const MOST_LOOKS = 5

async function newest(folder: string, looks = 1): Promise<Document> {
  const name = (await namesIn(folder))
    .filter((one) => /^\d{12}\.json$/.test(one))
    .sort()
    .at(-1)
  if (name === undefined) throw failed('there is no document of a keyring')
  try {
    return parse(await readFile(join(folder, name), 'utf8'), Number(name.slice(0, 12)))
  } catch (cause) {
    // Cleared away since the folder was listed, because there are much newer ones.
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT' && looks < MOST_LOOKS) return newest(folder, looks + 1)
    throw cause instanceof VerifyError ? cause : failed('the document of the keyring cannot be read', cause)
  }
}

const namesIn = (folder: string) =>
  readdir(folder).catch((cause) => Promise.reject(failed('the folder of the keyring cannot be read', cause)))

function parse(text: string, revision: number): Document {
  const keyring = parseJson(text)?.keyring
  if (keyring?.kind !== 'shared-secret') throw failed('it is not a keyring of shared secrets')
  if (keyring.revision !== revision || !Array.isArray(keyring.versions) || !keyring.versions.every(isVersion)) {
    throw failed('the document of the keyring is damaged')
  }
  return keyring
}

/** The error of JSON.parse goes no further: it quotes the text, and here that may be a secret. */
function parseJson(text: string): { keyring?: Document & { kind?: unknown } } | null {
  try {
    return JSON.parse(text)
  } catch {
    throw failed('the document of the keyring is damaged')
  }
}

function isVersion(value: unknown): value is Version {
  const { id, state, sealedPrivate } = (value ?? {}) as Record<string, unknown>
  const whole = !ORDER.includes(state as string) || typeof sealedPrivate === 'string'
  return typeof id === 'string' && typeof state === 'string' && whole
}

function secretsOf({ algorithm, revision, versions }: Document, algorithms: readonly string[]): SecretsRead {
  if (!algorithms.includes(algorithm)) throw new TypeError('the algorithm of the keyring is not among those allowed')
  const keys = ORDER.flatMap((state) => versions.filter((version) => version.state === state)).map((version) => {
    const secret = version.sealedPrivate ?? ''
    assertStrongSecrets([secret], [algorithm])
    return { ...secretJwk(secret, version.id), alg: algorithm }
  })
  const revokedKids = versions.filter(({ state }) => state === 'revoked').map(({ id }) => id)
  return { keys, revokedKids, revision: { epoch: 0, n: revision } }
}
