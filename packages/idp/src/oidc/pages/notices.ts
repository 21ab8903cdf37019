/** Pages that say something, and ask nothing. */
import { type Html, html } from './html.ts'
import { page } from './page.ts'

export function expiredPage(): string {
  return page('This sign-in has expired', [
    html`<p>It took too long, was finished in another window, or your browser keeps no cookies for this site.</p>`,
    html`<p>Go back to the application and sign in again. Nothing was changed.</p>`,
  ])
}

/** Somebody else's page may have sent the form. */
export function foreignFormPage(): string {
  return page('This form cannot be accepted', [
    html`<p>It did not come from this page, or it was opened before you signed in elsewhere.</p>`,
    html`<p>Go back to the application and sign in again. Nothing was changed.</p>`,
  ])
}

/** What went wrong, in words for whoever reads it, and what those need who are to mend it. */
export interface Trouble {
  title: string
  advice: string
  code: string
  description?: string | undefined
  correlationId?: string | undefined
}

export function troublePage({ title, advice, code, description, correlationId }: Trouble): string {
  return page(title, [
    html`<p>${advice}</p>`,
    html`<h2>For those who run the application</h2>`,
    html`<dl>
${row('Error', html`<code>${code}</code>`)}${description && row('What it says', html`${description}`)}${correlationId && row('Correlation id', html`<code>${correlationId}</code>`)}</dl>`,
  ])
}

function row(name: string, value: Html): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`
}

/**
 * Without `logout` the provider signs him out of the client alone; where it knows of no client there is nothing else to choose.
 *
 * @param form that of the provider, which the buttons belong to
 */
export function logoutPage(client: Html | undefined, form: Html): string {
  return page('Sign out?', [
    client && html`<p><strong>${client}</strong> asks whether you want to sign out.</p>`,
    html`<p>Signing out everywhere ends your session here, and in all applications that you use by it.</p>`,
    html`${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Sign out everywhere</button>
${client && html`<button type="submit" form="op.logoutForm" class="second">Only sign out of ${client}</button>`}`,
  ])
}

/** @param client of which alone he is signed out */
export function loggedOutPage(client: Html | undefined): string {
  if (!client) return page('You are signed out', [html`<p>You can close this window.</p>`])
  return page('You are signed out', [
    html`<p>This is so for <strong>${client}</strong> alone: here, and in other applications, you are still signed in.</p>`,
    html`<p>You can close this window.</p>`,
  ])
}
