import pg from 'pg'
import { superuser } from './cluster.ts'
import type { Passwords } from './passwords.ts'

/** Owns the database and the schema: migrations run as this role. It is no superuser. */
export const ownerRole = 'rekey_owner'
/** What the service connects as. It owns nothing: see `migrate` for what it is granted. */
export const serviceRole = 'rekey_service'
/** The embedded server's database. */
export const databaseName = 'rekey'

/** Makes roles and database where they are missing, and gives the roles the passwords that the home has. */
export async function makeRoles(port: number, passwords: Passwords): Promise<void> {
  const client = new pg.Client(urlOf(superuser, passwords.superuser, port, 'postgres'))
  await client.connect()
  try {
    await makeRole(client, ownerRole, passwords.owner)
    await makeRole(client, serviceRole, passwords.service)
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [databaseName])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${databaseName} OWNER ${ownerRole}`)
  } finally {
    await client.end()
  }
}

async function makeRole(client: pg.Client, role: string, password: string): Promise<void> {
  const found = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
  const verb = found.rowCount === 0 ? 'CREATE' : 'ALTER'
  await client.query(`${verb} ROLE ${role} LOGIN NOSUPERUSER PASSWORD ${client.escapeLiteral(password)}`)
}

export function urlOf(role: string, password: string, port: number, database: string): string {
  return `postgres://${role}:${password}@127.0.0.1:${port}/${database}`
}
