/** The pages that the OpenID provider shows by itself, in the form of its configuration's hooks. */
import { Html } from './html.ts'
import { expiredPage, loggedOutPage, logoutPage, type Trouble, troublePage } from './notices.ts'
import { nameOf, pageHeaders } from './page.ts'

/** What of the provider's context is used: of Koa's, and which client it knows. */
interface Shown {
  body: unknown
  set(headers: Record<string, string>): void
  oidc?: { client?: { clientId: string; clientName?: string } | undefined } | undefined
}

/** What is said of an error to the outside. */
interface Out {
  error: string
  error_description?: string
}

/** `renderError`. The status is set already. */
export async function renderError(ctx: Shown, out: Out, error: Error): Promise<void> {
  show(ctx, error.name === 'SessionNotFound' ? expiredPage() : troublePage(troubleOf(out)))
}

/** `features.rpInitiatedLogout.logoutSource`. @param form HTML of the provider's own */
export async function logoutSource(ctx: Shown, form: string): Promise<void> {
  show(ctx, logoutPage(clientOf(ctx), new Html(form)))
}

/** `features.rpInitiatedLogout.postLogoutSuccessSource` */
export async function postLogoutSuccessSource(ctx: Shown): Promise<void> {
  show(ctx, loggedOutPage(clientOf(ctx)))
}

function troubleOf({ error, error_description: description }: Out): Trouble {
  const isOurs = error === 'server_error' || error === 'temporarily_unavailable'
  const title = isOurs ? 'Something went wrong here' : 'The application’s request cannot be answered'
  const advice = isOurs
    ? 'This is not your fault. Try again in a moment; if it goes on, tell those who run this service.'
    : 'This is not your fault: the application asked in a way that is not accepted. Go back to it and try again; if it goes on, tell those who run it.'
  return { title, advice, code: error, description }
}

function clientOf({ oidc }: Shown): Html | undefined {
  return oidc?.client && nameOf(oidc.client)
}

function show(ctx: Shown, body: string): void {
  ctx.set(pageHeaders)
  ctx.body = body
}
