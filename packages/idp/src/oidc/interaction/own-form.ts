import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { sha256 } from '../../sha256.ts'
import { type Interaction, tokenOf } from './begun.ts'

/**
 * Was a form sent from our own page in this very browser? The cookie says which browser, the token that it read our page; and
 * where the browser says from where the form comes, that has to be here. Old browsers and programs say nothing of that.
 *
 * @param issuer whose address our pages have
 */
export function isOwnForm(
  { headers }: Pick<FastifyRequest, 'headers'>,
  csrf: string,
  interaction: Interaction,
  issuer: string,
): boolean {
  const { origin, 'sec-fetch-site': site } = headers
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  if (origin !== undefined && origin !== new URL(issuer).origin) return false
  return timingSafeEqual(sha256(csrf), sha256(tokenOf(interaction)))
}
