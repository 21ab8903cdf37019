import { findAccount } from '../../accounts/account.ts'
import { checkPassword } from '../../accounts/check-password.ts'
import { IdpError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import { type Fault, loginPage } from '../pages/login.ts'
import { expiredPage } from '../pages/notices.ts'
import { tokenOf } from './begun.ts'
import { clientOf, nameToShow } from './client.ts'
import type { Answer, Step } from './routes.ts'

interface Typed {
  username: string
  password: string
}

/** The page to log in. Whom the client expects stands there already. */
export async function loginOf(step: Step): Promise<Answer> {
  const { login_hint: hint } = step.interaction.params
  const username = typeof hint === 'string' && hint.length <= 100 ? hint : undefined
  return { page: await pageOf(step, username), status: 200 }
}

/** @returns where it goes on, or the page once more, with the username that was typed */
export async function logIn(instance: Instance, step: Step, { username: name, password }: Typed): Promise<Answer> {
  const { interaction, request } = step
  // Of two windows the other one was first.
  if (interaction.prompt.name !== 'login') return { location: `/api/oidc/interaction/${interaction.uid}` }
  const username = name.trim()
  const again = async (status: number, fault: Fault, headers?: Record<string, string>): Promise<Answer> => ({
    page: await pageOf(step, username, fault),
    status,
    ...(headers ? { headers } : {}),
  })
  if (username === '') return again(422, { field: 'username', message: 'Enter your username' })
  if (password === '') return again(422, { field: 'password', message: 'Enter your password' })
  const clientId = String(interaction.params.client_id)
  // Before the password is looked at: whoever logged in by one that is changed at this moment logged in before that.
  const at = Math.floor((await instance.store.now()) / 1_000)
  const login = { username, password, address: request.ip, clientId }
  const account = await checkPassword(instance, login).catch((error: unknown) => throttled(error))
  if (typeof account === 'number') {
    return again(429, { message: waitFor(account) }, { 'retry-after': String(account) })
  }
  if (!account) return again(422, { message: 'Username or password is wrong' })
  return finished(instance, step, account.account_id, at)
}

async function finished(instance: Instance, step: Step, accountId: string, at: number): Promise<Answer> {
  const { oidc, request, reply } = step
  const result = { login: { accountId, ts: at, amr: ['pwd'] } }
  const location = await oidc
    .current()
    .interactionResult(request.raw, reply.raw, result, { mergeWithLastSubmission: false })
  // What is written by now ends with the account; what was ended before it was written is seen here.
  if (await findAccount(instance.connection.db, accountId, at)) return { location }
  await step.interaction.destroy()
  return { page: expiredPage(), status: 400 }
}

/** @returns in how many seconds he may come again */
function throttled(error: unknown): number {
  if (!(error instanceof IdpError) || error.code !== 'RATE_LIMITED') throw error
  return Number(error.facts?.retryAfterSeconds)
}

function waitFor(seconds: number): string {
  return `Too many tries. Wait ${seconds === 1 ? 'a second' : `${seconds} seconds`}, then try again`
}

async function pageOf(step: Step, username: string | undefined, fault?: Fault): Promise<string> {
  const { interaction } = step
  const client = nameToShow(await clientOf(step))
  const action = `/api/oidc/interaction/${interaction.uid}`
  return loginPage({ client, action, token: tokenOf(interaction), username, fault })
}
