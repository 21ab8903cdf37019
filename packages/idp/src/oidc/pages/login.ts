import { type Html, html } from './html.ts'
import { page } from './page.ts'

/** What is wrong with what was typed. */
export interface Fault {
  message: string
  /** The field to mend; absent where it may be either, or none. */
  field?: 'username' | 'password'
}

export interface LoginPage {
  client: Html
  /** Where the forms lead, without a slash at the end. */
  action: string
  token: string
  username?: string | undefined
  fault?: Fault | undefined
}

export function loginPage({ client, action, token, username, fault }: LoginPage): string {
  const isNamed = username !== undefined && username !== '' && fault?.field !== 'username'
  const body = [
    html`<p class="quiet">to continue to <strong>${client}</strong></p>`,
    fault && summary(fault),
    html`<form method="post" action="${action}/login">
${tokenField(token)}
<div class="field">
<label for="username">Username</label>
<input id="username" name="username" type="text" value="${username}" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="100" required ${marks(fault, 'username', !isNamed)}>
${hint(fault, 'username')}</div>
<div class="field">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1000" required ${marks(fault, 'password', isNamed)}>
${hint(fault, 'password')}</div>
<button type="submit">Sign in</button>
</form>
${abortForm(action, token, 'Cancel')}`,
  ]
  return page('Sign in', body, fault ? 'Error: Sign in' : 'Sign in')
}

/** The way out: the client is told that nothing was granted. */
export function abortForm(action: string, token: string, label: string): Html {
  return html`<form method="post" action="${action}/abort">
${tokenField(token)}
<button type="submit" class="second">${label}</button>
</form>`
}

export function tokenField(token: string): Html {
  return html`<input type="hidden" name="csrf" value="${token}">`
}

function summary({ message, field }: Fault): Html {
  const told = field ? html`<a href="#${field}">${message}</a>` : html`${message}`
  return html`<div class="fault" id="fault" role="alert"><p>${told}</p></div>`
}

function marks(fault: Fault | undefined, field: string, isFirst: boolean): Html {
  const focus = isFirst ? html`autofocus` : html``
  if (!fault) return focus
  if (fault.field === field) return html`aria-invalid="true" aria-describedby="${field}-hint" ${focus}`
  return fault.field ? focus : html`aria-describedby="fault" ${focus}`
}

function hint(fault: Fault | undefined, field: string): Html | undefined {
  return fault?.field === field ? html`<p class="hint" id="${field}-hint">${fault.message}</p>\n` : undefined
}
