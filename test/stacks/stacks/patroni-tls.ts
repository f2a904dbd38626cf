import type { Certificates, StackKind } from '../frame/stack.ts'
import { renewAuthority, renewCertificates, revokeCertificate } from '../scenarios/certificates.ts'
import { switchover } from '../scenarios/switchover.ts'
import { applicationDsn, PatroniCluster, PATRONI_NEEDS } from './patroni-cluster.ts'

function certificatesOf(cluster: PatroniCluster): Certificates {
  const { certificates: files, nodes } = cluster
  const renewServers = async (): Promise<void> => {
    for (const { name } of nodes) await files.renew(name)
    await cluster.readCertificates()
  }
  return {
    renewServers,
    renewClient: async () => {
      await files.renew('client')
      return files.serialOf('client')
    },
    renewAuthority: async () => {
      await files.renewAuthority()
      await cluster.readCertificates()
      await files.renew('client')
      await renewServers()
      await files.forgetOldAuthority()
      await cluster.readCertificates()
    },
    revoke: ({ name }) => files.revoke(name),
    renewServer: async ({ name }) => {
      await files.renew(name)
      await cluster.readCertificates()
    },
  }
}

/** The same cluster; the application checks the servers' certificates, has one of its own, and reads a list of revoked ones. */
export const patroniTls: StackKind = {
  name: 'patroni-tls',
  title: 'Patroni as above, over TLS with verify-full, a client certificate and a list of revoked certificates',
  needs: PATRONI_NEEDS,
  scenarios: [switchover, renewCertificates, renewAuthority, revokeCertificate],
  start: async (ground) => {
    const cluster = await PatroniCluster.of(ground)
    const { certificates: files } = cluster
    return {
      ...cluster.words(),
      name: 'patroni-tls',
      dsn: applicationDsn(
        cluster.nodes.map(({ port }) => port),
        {
          sslmode: 'verify-full',
          sslrootcert: files.authorityFile('application'),
          sslcrl: files.revocationFile,
          sslcert: files.certificate('client'),
          sslkey: files.key('client'),
        },
      ),
      certificates: certificatesOf(cluster),
      stop: async () => undefined,
    }
  },
}
