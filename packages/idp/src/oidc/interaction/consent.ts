import { findAccount } from '../../accounts/account.ts'
import type { Instance } from '../../instance.ts'
import { consentPage } from '../pages/consent.ts'
import { expiredPage } from '../pages/notices.ts'
import { type Interaction, tokenOf } from './begun.ts'
import { clientOf, nameToShow } from './client.ts'
import type { Answer, Step } from './routes.ts'

/** What was asked for, and was not granted before. */
interface Missing {
  missingOIDCScope?: string[]
  missingOIDCClaims?: string[]
  missingResourceScopes?: Record<string, string[]>
}

/** The page to consent. Nobody can who is not logged in any more. */
export async function consentOf(instance: Instance, step: Step): Promise<Answer> {
  const { interaction } = step
  const account = await accountOf(instance, interaction)
  const client = await clientOf(step)
  if (!account || !client || interaction.prompt.name !== 'consent') return { page: expiredPage(), status: 400 }
  const { missingOIDCScope = [], missingOIDCClaims = [], missingResourceScopes = {} } = missing(interaction)
  const news = new Set([...missingOIDCScope, ...Object.values(missingResourceScopes).flat()])
  // Of a client that wants him to be asked again, though he granted everything.
  const asked = String(interaction.params.scope ?? 'openid').split(' ')
  const page = consentPage({
    client: nameToShow(client),
    action: `/api/oidc/interaction/${interaction.uid}`,
    token: tokenOf(interaction),
    username: account.username,
    scopes: news.size + missingOIDCClaims.length > 0 ? [...news] : asked,
    claims: missingOIDCClaims,
    returnsTo: placeOf(String(interaction.params.redirect_uri)),
  })
  return { page, status: 200 }
}

/** Grants what the page asked. */
export async function consent(instance: Instance, { oidc, interaction, request, reply }: Step): Promise<Answer> {
  const account = await accountOf(instance, interaction)
  if (!account || interaction.prompt.name !== 'consent') {
    return { location: `/api/oidc/interaction/${interaction.uid}` }
  }
  const provider = oidc.current()
  const clientId = String(interaction.params.client_id)
  const before = interaction.grantId ? await provider.Grant.find(interaction.grantId) : undefined
  const grant = before ?? new provider.Grant({ accountId: account.account_id, clientId })
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes = {} } = missing(interaction)
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '))
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims)
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) {
    grant.addResourceScope(resource, scopes.join(' '))
  }
  // A grant that is there already is known to the provider.
  const grantId = await grant.save()
  const result = { consent: before ? {} : { grantId } }
  return { location: await provider.interactionResult(request.raw, reply.raw, result) }
}

const missing = ({ prompt }: Interaction): Missing => prompt.details as Missing

async function accountOf({ connection }: Instance, { session }: Interaction) {
  return session?.accountId === undefined ? undefined : findAccount(connection.db, session.accountId)
}

/** Where a user is sent, in the part of the address that says whose it is. */
function placeOf(uri: string): string {
  const { protocol, host } = new URL(uri)
  return /^https?:$/.test(protocol) ? host : `an app on this device (${protocol})`
}
