import { withFolder } from './bootstrap/bootstrap.ts'
import type { Context } from './bootstrap/context.ts'
import { planned } from './bootstrap/planned.ts'
import { writtenKeys } from './bootstrap/publication.ts'
import { chooseSigning, kidIn, type Signing, settleKey } from './bootstrap/signing.ts'
import { RegistrationError } from './error.ts'
import { folderOf } from './files/folder.ts'
import { type Jwk, type JwkSet, keysOf } from './keys/jwk.ts'
import type { GivenOptions } from './options/client-options.ts'
import { complete } from './options/complete.ts'
import { type Ports, portsWith } from './ports.ts'
import { discover } from './provider/addresses.ts'
import { authenticates } from './provider/assertion.ts'

/** The key of a folder, for whoever signs by it. */
export interface HeldKey {
  readonly kid: string
  /** Private, PKCS#8. */
  readonly pem: string
}

/**
 * The key that a folder has now, by the kid under which it was published; nothing before there is one. Read it again whenever the file is
 * another: a replica may have rotated.
 * @throws RegistrationError FILE_FAILED | CONFIG_INVALID
 */
export async function heldKey(given: GivenOptions, ports: Partial<Ports> = {}): Promise<HeldKey | undefined> {
  const folder = folderOf(complete(given), portsWith(ports).files)
  const key = await folder.key()
  if (key === undefined) return undefined
  const used = (await folder.used()).findLast(({ thumbprint }) => thumbprint === key.thumbprint)
  if (used === undefined) return undefined
  return { kid: used.kid, pem: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** Everything that a folder says of its keys, for whoever serves or shows them. */
export interface FolderKeys {
  /** The key that signs. */
  readonly signing: { readonly kid: string; readonly madeAt: number } | undefined
  /** The kid of a key that is published and does not sign yet. */
  readonly waiting: string | undefined
  /** Public keys, as they are registered or served. */
  readonly published: readonly Jwk[]
  /** Kids that signed once, oldest first; the one that signs is among them. */
  readonly used: readonly string[]
}

/** @throws RegistrationError FILE_FAILED | CONFIG_INVALID */
export async function folderKeys(given: GivenOptions, ports: Partial<Ports> = {}): Promise<FolderKeys> {
  const folder = folderOf(complete(given), portsWith(ports).files)
  const [key, next, set, all] = await Promise.all([folder.key(), folder.nextKey(), folder.published(), folder.used()])
  const published = keysOf(set) ?? []
  const used = all.filter(({ beside }) => beside === undefined)
  const kid = used.findLast(({ thumbprint }) => thumbprint === key?.thumbprint)?.kid
  return {
    signing: key === undefined || kid === undefined ? undefined : { kid, madeAt: key.madeAt },
    waiting: next && kidIn(published, next),
    published,
    used: used.map((one) => one.kid),
  }
}

/** How a new key comes to be known to the identity provider, where this client does not look after its registration itself. */
export interface Announcing {
  /** Tells of the whole set. @returns whether the identity provider is known to have it now */
  readonly announce?: (set: JwkSet) => Promise<boolean>
  /** The client that the keys are for: then the identity provider is asked whether it accepts the new one. */
  readonly clientId?: string | undefined
}

/** What is in the folder when all is kept. */
export interface Kept {
  /** Of the key that signs. */
  readonly kid: string
  /** Path of the private key. */
  readonly key: string
  /** The service has to read its key again. */
  readonly rotated: boolean
  /** The kid of a key that is published, and signs only when the identity provider is known to have it. */
  readonly waiting: string | undefined
  jwks(): JwkSet
}

/**
 * Makes sure that there is a key, published in `jwksFile`, without a registration of one's own; replaces it when that is due. A new key is
 * published first, and takes the place of the other only when the identity provider is known to have it: it said so, or it accepted an
 * assertion by the key. Until then it waits beside the other, and every later call asks again. Safe on any number of replicas of a folder.
 * @throws RegistrationError
 */
export async function keepKey(given: GivenOptions, how: Announcing = {}, ports: Partial<Ports> = {}): Promise<Kept> {
  return withFolder(complete(given), portsWith(ports), (context) => kept(context, how))
}

async function kept(context: Context, how: Announcing): Promise<Kept> {
  const { folder, options } = context
  const written = await writtenKeys(context)
  const signing = await chooseSigning(context, written, [])
  const known = written ?? []
  const plan = await planned(context, known, { metadata: {}, etag: undefined }, signing)
  const keys = plan.keys ?? known
  if (plan.keys !== undefined) await folder.publish({ keys })
  const before = await folder.key()
  const isKnown = !signing.isNext || before === undefined || (await hasKey(context, how, keys, signing))
  if (isKnown) {
    await settleKey(context, signing)
    const rotated = signing.isNext && before !== undefined
    if (rotated) context.ports.log('info', `JWKS rotated successfully: the key is now ${signing.kid}.`)
    return { kid: signing.kid, key: options.signingKey, rotated, waiting: undefined, jwks: () => ({ keys }) }
  }
  context.ports.log(
    'warn',
    `The key ${signing.kid} is published, and waits until the identity provider is known to have it.`,
  )
  const kid = kidIn(keys, before) ?? options.kid
  return { kid, key: options.signingKey, rotated: false, waiting: signing.kid, jwks: () => ({ keys }) }
}

const LOOKS = 3
const BETWEEN_LOOKS_MS = 1_000

async function hasKey(context: Context, how: Announcing, keys: readonly Jwk[], signing: Signing): Promise<boolean> {
  if ((await how.announce?.({ keys })) === true) return true
  if (how.clientId === undefined) return false
  for (let look = 1; look <= LOOKS; look++) {
    if ((await isAccepted(context, how.clientId, signing)) === true) return true
    if (look < LOOKS) await context.ports.sleep(BETWEEN_LOOKS_MS)
  }
  return false
}

/** That nobody can say now is no reason to fail: the key that signs goes on. */
async function isAccepted({ send, options, ports }: Context, clientId: string, { key, kid }: Signing) {
  try {
    return await authenticates(send, await discover(send, options.idpUrl), { clientId, kid, key }, ports.now())
  } catch (error) {
    if (error instanceof RegistrationError) return undefined
    throw error
  }
}
