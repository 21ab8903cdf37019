import pg from 'pg'
import { superuser } from './cluster.ts'
import type { Passwords } from './passwords.ts'

/** Owns the database and the schema: migrations run as this role. It is no superuser. */
export const ownerRole = 'rekey_owner'
/** What the service connects as. It owns nothing: see `migrate` for what it is granted. */
export const serviceRole = 'rekey_service'
/** The embedded server's database. */
export const databaseName = 'rekey'
/** What the backend for frontend connects as: to a database of its own, and to no other. */
export const bffServiceRole = 'rekey_bff_service'
export const bffDatabaseName = 'rekey_bff'

/** Makes roles and databases where they are missing, and gives the roles the passwords that the home has. */
export async function makeRoles(port: number, passwords: Passwords): Promise<void> {
  const client = new pg.Client(urlOf(superuser, passwords.superuser, port, 'postgres'))
  await client.connect()
  try {
    await makeRole(client, ownerRole, passwords.owner)
    await makeRole(client, serviceRole, passwords.service)
    await makeRole(client, bffServiceRole, passwords.bffService)
    await makeDatabase(client, databaseName, serviceRole)
    await makeDatabase(client, bffDatabaseName, bffServiceRole)
  } finally {
    await client.end()
  }
}

async function makeRole(client: pg.Client, role: string, password: string): Promise<void> {
  const found = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
  const verb = found.rowCount === 0 ? 'CREATE' : 'ALTER'
  await client.query(`${verb} ROLE ${role} LOGIN NOSUPERUSER PASSWORD ${client.escapeLiteral(password)}`)
}

/** Whoever has got hold of one service's password gets into that service's database, and into no other. */
async function makeDatabase(client: pg.Client, database: string, service: string): Promise<void> {
  const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [database])
  if (found.rowCount === 0) await client.query(`CREATE DATABASE ${database} OWNER ${ownerRole}`)
  await client.query(`REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC`)
  await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${service}`)
}

export function urlOf(role: string, password: string, port: number, database: string): string {
  return `postgres://${role}:${password}@127.0.0.1:${port}/${database}`
}
