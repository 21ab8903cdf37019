import { spawn } from 'node:child_process'
import type { Account } from './account.ts'

export interface RunResult {
  code: number | null
  output: string
}

// The server gets none of this process's environment: that may hold secrets. Messages are matched, so they are in
// English.
export const serverEnvironment = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }

/** Runs a program as an account, to its end. `code` is null when it could not be started or was killed. */
export function runAs(account: Account, program: string, args: readonly string[], input = ''): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: '/',
      env: serverEnvironment,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...ids(account),
    })
    const output: Buffer[] = []
    child.stdout.on('data', (chunk) => output.push(chunk))
    child.stderr.on('data', (chunk) => output.push(chunk))
    // A program that does not read its input closes it early; what it did is told by its exit code.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.on('error', (error) => resolve({ code: null, output: error.message }))
    child.on('close', (code) => resolve({ code, output: Buffer.concat(output).toString() }))
  })
}

/** The part of spawn's options that switches the user, or nothing. */
export function ids(account: Account): { uid?: number; gid?: number } {
  return account.uid === undefined ? {} : { uid: account.uid, gid: account.gid }
}

/** Whether the account can enter a folder. Asked of the system, because modes alone do not tell (ACLs, mounts). */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  if (account.uid === undefined) return true
  const { code } = await runAs(account, '/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder])
  return code === 0
}
