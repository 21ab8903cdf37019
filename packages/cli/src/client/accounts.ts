import { CliError } from '../error.ts'
import { confirmedWithinMs, type ManagementClient } from './management.ts'
import { readPages } from './pages.ts'

/** Who may log in, as the API tells it. Times are ISO 8601. */
export interface Account {
  accountId: string
  username: string
  organizationId: string
  status: 'active' | 'disabled'
  name?: string
  email?: string
  roles: string[]
  createdAt: string
  passwordChangedAt: string
}

/** With the password, where it was made by this command or the server. */
export type AccountWithPassword = Account & { password?: string }

const scope = 'admin.api'

/** @param password without one, the server makes it */
export async function createAccount(
  client: ManagementClient,
  account: Partial<Pick<Account, 'name' | 'email' | 'roles'>> & { username: string; password?: string },
): Promise<AccountWithPassword> {
  return await client.call<AccountWithPassword>({
    method: 'POST',
    path: '/accounts',
    scope,
    body: account,
    failure: `the account ${account.username} was not created`,
    once: true,
    replyWithinMs: confirmedWithinMs,
  })
}

/** The accounts of the caller's organization, at most so many. */
export async function listAccounts(client: ManagementClient, limit: number, query: { username?: string } = {}) {
  const listing = { path: '/accounts', scope, query, failure: 'the accounts cannot be read', limit } as const
  type Reply = { accounts: Account[]; nextCursor: string | null }
  const { entries, nextCursor } = await readPages(client, listing, (reply: Reply) => reply.accounts)
  return { accounts: entries, nextCursor }
}

async function readAccount(client: ManagementClient, id: string): Promise<Account> {
  const failure = `account ${id} cannot be read`
  return await client.call<Account>({ method: 'GET', path: below(id), scope, failure })
}

/** Ends every login of an account, and lets it log in no more. */
export async function disableAccount(client: ManagementClient, { accountId, username }: Account): Promise<Account> {
  return await client.call<Account>({
    method: 'POST',
    path: below(accountId, 'disable'),
    scope,
    failure: `the account ${username} is not disabled`,
    repeatable: true,
    replyWithinMs: confirmedWithinMs,
  })
}

/** Gives an account another password, which ends its logins, or lets it log in again. */
export async function changeAccount(
  client: ManagementClient,
  { accountId, username }: Account,
  change: { password?: string; status?: 'active' },
): Promise<Account> {
  return await client.call<Account>({
    method: 'PATCH',
    path: below(accountId),
    scope,
    body: change,
    failure: `the account ${username} is not changed`,
    repeatable: true,
    replyWithinMs: confirmedWithinMs,
  })
}

/** The account that a person means by its username or its id. @throws CliError `FAILED` when there is none */
export async function findAccount(client: ManagementClient, nameOrId: string): Promise<Account> {
  if (isUsername.test(nameOrId)) {
    const { accounts } = await listAccounts(client, 1, { username: nameOrId })
    if (accounts[0]) return accounts[0]
  }
  if (isId.test(nameOrId)) return await readAccount(client, nameOrId)
  const message = `no account has the username or the id ${nameOrId}; "rekey account list" shows them`
  throw new CliError('FAILED', message, { code: 'UNKNOWN_ACCOUNT' })
}

const isUsername = /^[\w.@+-]{1,100}$/
const isId = /^[0-9a-f-]{36}$/

function below(id: string, ...rest: string[]): string {
  return ['/accounts', ...[id, ...rest].map(encodeURIComponent)].join('/')
}
