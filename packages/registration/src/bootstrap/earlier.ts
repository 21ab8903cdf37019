import { RegistrationError } from '../error.ts'
import type { Credentials } from '../files/credentials.ts'
import { type Jwk, keysOf, thumbprintOf } from '../keys/jwk.ts'
import { managementOf } from '../provider/management.ts'
import type { Context } from './context.ts'
import { writtenKeys } from './publication.ts'

/** The keys that the file behind a jwks_uri held before a registration. */
export interface Earlier {
  /** Somebody may sign with them. */
  readonly kept: readonly Jwk[]
  /** They leave the file once there is another registration: until then nobody knows for certain that the one before is gone. */
  readonly dropped: readonly Jwk[]
}

/** Of one that is replaced all are kept, for whoever still runs by it, but for those that an administrator took out of it: they would come back. */
export async function earlierOf(context: Context, replaced: Credentials | undefined): Promise<Earlier> {
  const written = (await writtenKeys(context)) ?? []
  const all = { kept: written, dropped: [] }
  if (replaced === undefined || context.options.jwksUri === undefined || written.length === 0) return all
  try {
    const good = (await inlineKeys(context, replaced))?.map(thumbprintOf)
    return good === undefined ? all : { ...all, kept: written.filter((key) => good.includes(thumbprintOf(key))) }
  } catch (error) {
    if (!(error instanceof RegistrationError)) throw error
    return error.code === 'CLIENT_GONE' ? earlierOfGone(context) : all
  }
}

/** Nobody runs by a registration that is gone, but others may write into the same file. */
export async function earlierOfGone(context: Context): Promise<Earlier> {
  const used = (await context.folder.used()).map(({ thumbprint }) => thumbprint)
  const written = (await writtenKeys(context)) ?? []
  const isOwn = (key: Jwk) => used.includes(thumbprintOf(key) ?? '')
  return { kept: written.filter((key) => !isOwn(key)), dropped: written.filter(isOwn) }
}

/** What a registration has in place of the address; undefined where it has that, or where nobody can tell. */
async function inlineKeys(context: Context, replaced: Credentials): Promise<readonly Jwk[] | undefined> {
  if (replaced.registration_access_token === undefined) return undefined
  // An administrator's token would end the one that whoever runs by it has.
  const options = { ...context.options, adminToken: undefined }
  const { metadata } = await managementOf({ ...context, options }, replaced).read()
  return metadata.jwks_uri === undefined ? (keysOf(metadata.jwks) ?? []) : undefined
}
