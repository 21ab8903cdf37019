import { Option } from 'commander'
import type { AccountWithPassword } from '../../client/accounts.ts'
import { members } from '../../terminal/table.ts'

/** `--password-stdin`. */
export function passwordOption(): Option {
  return new Option(
    '--password-stdin',
    'the password is the first line of stdin (default: one is made, and shown once)',
  )
}

/** An account whose password was just set: the one time that one which the server made is shown. */
export function passwordText({ accountId, username, password }: AccountWithPassword): string {
  return members({ accountId, username, password: password && `${password}   (shown only now)` })
}
