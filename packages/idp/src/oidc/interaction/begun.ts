import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors, type Provider } from 'oidc-provider'
import { sha256 } from '../../sha256.ts'

/** A login or a consent that is under way, as the provider keeps it for the browser that asks. */
export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/**
 * The interaction of the browser that asks: of its cookie, and the one that the path names.
 *
 * @returns `undefined` where there is none any more, or it is another browser's
 * @throws OIDCProviderError when it cannot be read at the moment
 */
export async function interactionOf(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
  uid: string,
): Promise<Interaction | undefined> {
  const found = await provider.interactionDetails(request.raw, reply.raw).catch((error: unknown) => {
    if (error instanceof errors.SessionNotFound) return undefined
    throw error
  })
  return found?.uid === uid ? found : undefined
}

/** What a form has to carry to be taken for ours. Nobody can know it who cannot read our page: `cid` is told nobody. */
export function tokenOf({ uid, cid }: Interaction): string {
  return sha256(`form of ${uid} ${cid}`).toString('base64url')
}
