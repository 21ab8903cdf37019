import { type Html, html } from './html.ts'
import { abortForm, tokenField } from './login.ts'
import { page } from './page.ts'

export interface ConsentPage {
  client: Html
  action: string
  token: string
  /** As whom he is signed in. */
  username: string
  /** What the client asks for. */
  scopes: readonly string[]
  claims: readonly string[]
  /** Where he is sent afterwards. */
  returnsTo: string
}

/** What scopes mean to whoever is asked. Others are told by their names. */
const meanings: Readonly<Record<string, string>> = {
  openid: 'Know that it is you',
  profile: 'See your name, username and picture',
  email: 'See your email address',
  roles: 'See your roles',
  offline_access: 'Stay connected when you are not using it',
}

export function consentPage({ client, action, token, username, scopes, claims, returnsTo }: ConsentPage): string {
  return page('Allow access?', [
    html`<p><strong>${client}</strong> asks for access to your account <strong><bdi>${username}</bdi></strong>. It wants to:</p>`,
    html`<ul class="scopes">
${scopes.map((scope) => html`<li>${meaningOf(scope)}</li>\n`)}${claims.map((claim) => html`<li>See <code>${claim}</code></li>\n`)}</ul>`,
    html`<p class="quiet">You will be sent back to <bdi>${returnsTo}</bdi>.</p>`,
    html`<form method="post" action="${action}/consent">
${tokenField(token)}
<button type="submit">Allow</button>
</form>
${abortForm(action, token, 'Deny')}`,
  ])
}

function meaningOf(scope: string): Html {
  const meaning = Object.hasOwn(meanings, scope) ? meanings[scope] : undefined
  return meaning === undefined ? html`Use <code>${scope}</code>` : html`${meaning}`
}
