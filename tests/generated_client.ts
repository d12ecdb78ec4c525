// A product's life through a client that a stock generator made, typed all through: every operation of the vendor's
// description is called. Takes the address of a server, its owner's and its consumer's token, the consumer's id, a domain and the
// address of a receiver; prints what became of it, as JSON.
import * as api from './client';
import { createClient } from './client/client';

const [, , base, ownersToken, consumersToken, consumerId, domain, receiver] = process.argv as string[];
const speaking = (token: string) => createClient({ baseUrl: `${base}/marketplace`, auth: token, throwOnError: true });
const admin = speaking('any');
const owner = speaking(ownersToken!);
const consumer = speaking(consumersToken!);
const called = new Set<string>();
const ours = (path: string, body: object) =>
  fetch(`${base}/simulator/${path}`, {
    method: 'POST', body: JSON.stringify(body), headers: { Authorization: 'Bearer any', 'Content-Type': 'application/json' },
  });

async function data<T>(name: string, answer: Promise<{ data: T }>): Promise<T> {
  called.add(name);
  return (await answer).data;
}

async function story() {
  const body = { url: `${receiver}/hook`, signingKey: 'test-signing-key' };
  const hook = await data('createWebhook', api.createWebhook({ client: admin, body, throwOnError: true }));
  const path = { id: hook.id };
  await data('testWebhook', api.testWebhook({ client: admin, path, throwOnError: true }));
  await data('testWebhookConfig', api.testWebhookConfig({ client: admin, body, throwOnError: true }));
  await data('updateWebhook', api.updateWebhook({ client: admin, path, body: { verifyTls: true }, throwOnError: true }));
  await data('getWebhook', api.getWebhook({ client: admin, path, throwOnError: true }));
  const hooks = await data('getWebhooks', api.getWebhooks({ client: admin, throwOnError: true }));

  const made = await data('createDataProduct', api.createDataProduct({
    client: owner, throwOnError: true,
    body: { name: 'Claims 2025', metadata: null, domains: [domain!], dataSources: [{ sourceId: '109' }] },
  }));
  const product = { id: made.id };
  await data('updateDataProduct', api.updateDataProduct({
    client: owner, path: product, body: { description: 'All of them' }, throwOnError: true,
  }));
  await data('updateDataSources', api.updateDataSources({
    client: owner, path: product, body: { dataSources: [{ sourceId: '109' }, { sourceId: '110' }] }, throwOnError: true,
  }));
  const sources = await data('getAllDataSources', api.getAllDataSources({ client: consumer, path: product, throwOnError: true }));
  await data('searchDataSources', api.searchDataSources({ client: consumer, path: product, throwOnError: true }));
  const columns = await data('searchDataProductColumns', api.searchDataProductColumns({
    client: consumer, path: product, query: { limit: 50 }, throwOnError: true,
  }));
  await data('getRequestForms', api.getRequestForms({ client: consumer, path: product, throwOnError: true }));
  const named = await data('getDataProductByName', api.getDataProductByName({
    client: consumer, path: { name: 'Claims 2025' }, throwOnError: true,
  }));
  const found = await data('searchDataProducts', api.searchDataProducts({
    client: owner, query: { roleFilter: ['manager'], limit: 1 }, throwOnError: true,
  }));

  const asking = { client: consumer, path: product, body: { user: consumerId! }, throwOnError: true } as const;
  const approve = async (request: string, lasts: { duration?: number; durationUnit?: 'DAYS' }) => {
    const { approvalRecords } = await data('getAccessRequestRecords', api.getAccessRequestRecords({
      client: owner, path: { id: request }, throwOnError: true,
    }));
    return data('updateApprovalRecord', api.updateApprovalRecord({
      client: owner, path: { id: approvalRecords[0]!.id }, body: { status: 'APPROVED', ...lasts }, throwOnError: true,
    }));
  };
  const status = async (id: string) =>
    (await data('getAccessRequestById', api.getAccessRequestById({ client: consumer, path: { id }, throwOnError: true }))).status;

  const first = await data('requestAccess', api.requestAccess(asking));
  const open = await data('searchDataProductAccessRequests', api.searchDataProductAccessRequests({
    client: owner, path: product, query: { status: ['PENDING'], type: ['DATA_ACCESS'] }, throwOnError: true,
  }));
  await data('getRiskAssessment', api.getRiskAssessment({ client: owner, path: { id: first.id }, throwOnError: true }));
  await approve(first.id, { duration: 30, durationUnit: 'DAYS' });
  const members = await data('searchDataProductMembers', api.searchDataProductMembers({
    client: owner, path: product, throwOnError: true,
  }));
  await ours('clock/advance', { by: '30d' });
  const afterAMonth = await status(first.id);

  const second = await data('requestAccess', api.requestAccess(asking));
  await approve(second.id, {});
  await data('revokeAccess', api.revokeAccess({
    client: owner, path: { id: made.id, requestId: second.id }, throwOnError: true,
  }));
  const afterRevocation = await status(second.id);
  const determined = await data('recentDeterminations', api.recentDeterminations({ client: owner, path: product, throwOnError: true }));

  const third = await data('requestAccess', api.requestAccess(asking));
  await data('cancelAccessRequest', api.cancelAccessRequest({ client: consumer, path: { id: third.id }, throwOnError: true }));

  const column = columns.data[0]!;
  const exception = await data('requestMaskingException', api.requestMaskingException({
    client: consumer, path: product, throwOnError: true,
    body: { user: consumerId!, columns: [{ columnName: column.name, sourceId: column.sourceId }] },
  }));
  await data('searchAccessRequestMaskingExceptionColumns', api.searchAccessRequestMaskingExceptionColumns({
    client: owner, path: { id: exception.id }, throwOnError: true,
  }));
  await approve(exception.id, {});
  const unmasked = await data('getApprovedMaskingExceptionColumns', api.getApprovedMaskingExceptionColumns({
    client: consumer, query: { userId: consumerId! }, throwOnError: true,
  }));
  const all = await data('searchAccessRequests', api.searchAccessRequests({ client: consumer, throwOnError: true }));
  // the description asks for no token here, so the client sends none by itself
  const headers = { Authorization: `Bearer ${consumersToken}` };
  const me = await data('user', api.user({ client: consumer, headers, throwOnError: true }));

  await data('deleteDataProduct', api.deleteDataProduct({ client: owner, path: product, throwOnError: true }));
  called.add('getDataProductById');
  const gone = await api.getDataProductById({ client: owner, path: product, throwOnError: false });
  await fetch(`${base}/simulator/settled?timeout=10s`, { headers: { Authorization: 'Bearer any' } });
  const history = await data('getWebhookHistory', api.getWebhookHistory({
    client: admin, path, query: { limit: 100 }, throwOnError: true,
  }));
  await data('deleteWebhook', api.deleteWebhook({ client: admin, path, throwOnError: true }));
  await data('liveness0', api.liveness0({ client: admin, throwOnError: true }));
  await data('liveness1', api.liveness1({ client: admin, throwOnError: true }));
  const health = await data('readiness', api.readiness({ client: admin, throwOnError: true }));

  return {
    called: [...called].sort(), hooks: hooks.length, sources: sources.dataSources.length, named: named.id === made.id,
    found: found.data.map(each => each.name), open: open.data.map(each => each.user.globalUserId === consumerId),
    members: members.meta.totalCount, afterAMonth, afterRevocation,
    determined: determined.determinations.map(each => each.status), unmasked: unmasked.length,
    requests: all.data.map(each => `${each.type} ${each.status}`), me: me.globalUserId === consumerId,
    gone: gone.response.status, history: [...new Set(history.data.map(each => each.status))], health: health.status,
  };
}

story().then(
  told => console.log(JSON.stringify(told)),
  (error: unknown) => { console.error(error); process.exitCode = 1; },
);
