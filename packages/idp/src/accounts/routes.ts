import { type App, lineOf, nextCursor } from '@rekey/service'
import { z } from 'zod'
import { idempotencyHeader } from '../credentials/schema.ts'
import { requireScope } from '../http/authorise.ts'
import { idempotent } from '../http/idempotency.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { accountOf, accountStatus, showAccount, shownAccount } from './account.ts'
import { changeAccount } from './change.ts'
import { changedDescription, description } from './claims.ts'
import { createAccount } from './create.ts'
import { accountsWanted, listAccounts } from './list.ts'
import { hashPassword } from './password/hash.ts'
import { generatedPassword, newPassword } from './password/rules.ts'
import { username } from './username.ts'

const tags = ['accounts']
const params = z.object({ accountId: lineOf(200) })
const response = { 200: shownAccount }
const newAccount = z.strictObject({
  username,
  password: newPassword.optional().describe('Without it one is made, and told once'),
  ...z.object(description).partial().shape,
})
const createdAccount = shownAccount.extend({ password: z.string().optional().describe('The one that was made') })
const changes = z.strictObject({
  ...changedDescription,
  status: accountStatus.optional(),
  password: newPassword.optional(),
})
const page = z.object({ accounts: z.array(shownAccount), nextCursor })

/** Those who log in. A change is answered when every live instance goes by it. */
export function accountRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const read = { onRequest: requireScope(instance, 'admin.api', { whileFrozen: 'allowed' }) }
  const write = { onRequest: requireScope(instance, 'admin.api', { whileFrozen: 'refused' }) }
  const all = '/api/v1/accounts'
  const one = `${all}/:accountId`
  const refuses = codes('UNKNOWN_ACCOUNT', 'DENY_LIST_FULL')

  const create = {
    tags,
    summary: 'Create an account',
    headers: idempotencyHeader,
    body: newAccount,
    response: { 201: createdAccount },
    refuses: codes('ALREADY_EXISTS', 'IDEMPOTENCY_KEY_REUSED'),
  }
  app.post(all, { ...write, schema: create }, async ({ caller, headers, params, body }, reply) => {
    const { password: given, ...said } = body
    const { username, ...description } = said
    // What is kept of a request is a plain hash: no password must be found by trying many against it.
    const asked = { caller, headers, params, body: { ...said, isPasswordGiven: given !== undefined } }
    const made = { make: () => passwordOf(given), discard: async () => {} }
    const created = await idempotent(
      instance,
      asked,
      'create an account',
      async (transaction, { password, passwordHash }) => {
        const account = { username, passwordHash, organizationId: caller.organizationId, description }
        const shown = showAccount(await createAccount(transaction, caller.clientId, account))
        return { revision: 0, reply: given === undefined ? { ...shown, password } : shown }
      },
      made,
    )
    return reply.code(201).header('cache-control', 'no-store').send(created)
  })

  const list = {
    tags,
    summary: 'List the accounts of your organization',
    querystring: accountsWanted,
    response: { 200: page },
  }
  app.get(all, { ...read, schema: list }, async ({ caller, query }) => {
    const { rows, nextCursor } = await listAccounts(db, caller, query)
    return { accounts: rows.map(showAccount), nextCursor }
  })

  const show = { tags, summary: 'Show an account', params, response, refuses: codes('UNKNOWN_ACCOUNT') }
  app.get(one, { ...read, schema: show }, async ({ caller, params }) =>
    showAccount(await accountOf(db, caller, params.accountId)),
  )

  const change = {
    tags,
    summary: 'Change what is said of an account, its password or its status',
    description: 'A new password, or disabling it, ends its sessions and tokens. What is not named stays; null clears.',
    params,
    body: changes,
    response,
    refuses,
  }
  app.patch(one, { ...write, schema: change }, async ({ caller, params, body }) => {
    const { status, password, ...description } = body
    return showAccount(await changeAccount(instance, caller, params.accountId, { description, status, password }))
  })

  const disable = { tags, summary: 'Disable an account: its sessions and tokens end', params, response, refuses }
  app.post(`${one}/disable`, { ...read, schema: disable }, async ({ caller, params }) =>
    showAccount(await changeAccount(instance, caller, params.accountId, { status: 'disabled' })),
  )
}

async function passwordOf(given: string | undefined): Promise<{ password: string; passwordHash: string }> {
  const password = given ?? generatedPassword()
  return { password, passwordHash: await hashPassword(password) }
}
