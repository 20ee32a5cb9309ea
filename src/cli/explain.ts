import type {
  AlertExplained,
  CampaignExplained,
  Explainer,
  TogetherExplained,
} from '../adapters/explain/open-explainer.ts';
import { systemClock } from '../control/system-clock.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { quietLogger } from './quiet-logger.ts';

const subjects = ['alert', 'campaign', 'why-not'];

export const explainCommand: Command = {
  name: 'explain',
  summary: 'Say why an alert came, or why none did.',
  examples: [
    'paceline explain alert 3f9c0a12 --data ./data',
    'paceline explain why-not acme/spring-sale --rule under-pacing --data ./data',
    'paceline explain why-not acme --order q2 --rule order-behind --data ./data',
    'paceline explain why-not acme --advertiser nord --rule advertiser-behind --data ./data',
    'paceline explain campaign acme/spring-sale --at 2026-03-08T12:00:00Z --data ./data',
    'paceline explain why-not acme/spring-sale --rule under-pacing --json --config config/production.yaml',
  ],
  doc: 'alert takes the identity of a change (alert_id) or of an alert (fingerprint, which means its newest change), whole or its beginning, and tells the chain to it: records, windows, completeness, plan, compared values, every change of the alert before and after, and what people were told. why-not tells why a rule is silent about a campaign: it does not exist or is not for it, its guard or levels were not true (with the values compared), its "for" is not over, a source was not complete (which, and until when), it is in shadow. Of a rule of scope order, advertiser or organization it asks for the organization alone, with --order or --advertiser for the first two. campaign tells how every rule stands; with --rule as why-not does. Everything is read from the tables and from bronze, beside a running engine or without one; where bronze is off no record can be named, and the text of a rule is told when its hash proves it. Log times and event times are in UTC. docs/explain.md reads two answers line by line.',
  flags: {
    config: configFlag,
    data: dataFlag,
    rule: { type: 'text', value: 'RULE', doc: 'Id of the rule; why-not needs one.' },
    flight: { type: 'text', value: 'FLIGHT', doc: 'Only this flight of the campaign.' },
    order: { type: 'text', value: 'ORDER', doc: 'why-not of a rule of scope order: about this one.' },
    advertiser: { type: 'text', value: 'ADVERTISER', doc: 'why-not of a rule of scope advertiser: about this one.' },
    at: {
      type: 'text',
      value: 'TIME',
      doc: 'As it was known at this instant of the log, as in 2026-03-08T12:00:00Z.',
      default: 'the newest',
    },
    json: jsonFlag,
  },
  words: {
    name: 'SUBJECT NAME',
    doc: 'alert ID, campaign ORG/CAMPAIGN, why-not ORG/CAMPAIGN, or why-not ORG of a rule about campaigns together.',
    min: 2,
    max: 2,
  },
  async run(call, terminal) {
    const [subject, name] = call.words;
    if (!subjects.includes(subject)) throw usage(`"${subject}" is not one of ${subjects.join(', ')}`);
    const ask = questionOf(subject, name, call);
    const { config } = loadCallConfig(call);
    const { openExplainer } = await import('../adapters/explain/open-explainer.ts');
    await using explainer = await openExplainer(config, { clock: systemClock, log: quietLogger() });
    const explained = await ask(explainer);
    if (call.has('json')) terminal.printJson(explained);
    else for (const line of explained.sentences) terminal.print(line);
    return 0;
  },
};

type Ask = (explainer: Explainer) => Promise<AlertExplained | CampaignExplained | TogetherExplained>;

function alertQuestion(id: string, call: Call): Ask {
  for (const flag of ['rule', 'flight', 'order', 'advertiser', 'at'])
    if (call.text(flag) !== undefined) throw usage(`--${flag} is for silences and campaigns; an alert is one already`);
  return (explainer) => explainer.alert(id.toLowerCase());
}

function questionOf(subject: string, name: string, call: Call): Ask {
  if (subject === 'alert') return alertQuestion(name, call);
  const isTogether = !name.includes('/') || call.text('order') !== undefined || call.text('advertiser') !== undefined;
  return subject === 'why-not' && isTogether ? togetherQuestion(name, call) : campaignQuestion(subject, name, call);
}

/** Of a rule about campaigns together: an order, an advertiser, or all of the organization. */
function togetherQuestion(orgId: string, call: Call): Ask {
  const [order_id, advertiser] = [call.text('order'), call.text('advertiser')];
  if (order_id !== undefined && advertiser !== undefined) throw usage('--order and --advertiser: name one of both');
  if (orgId.includes('/')) throw usage(`with --order and --advertiser the organization is named alone, not "${orgId}"`);
  if (call.text('flight') !== undefined) throw usage('--flight is for campaigns: name ORG/CAMPAIGN');
  const at = instantOf(call);
  const about = {
    rule_id: ruleOf(call),
    ...(order_id === undefined ? {} : { order_id }),
    ...(advertiser === undefined ? {} : { advertiser }),
    ...(at === undefined ? {} : { at }),
  };
  return (explainer) => explainer.together(orgId, about);
}

function ruleOf(call: Call): string {
  const rule = call.text('rule');
  if (rule === undefined) throw usage('why-not needs --rule RULE: which rule should have fired?');
  return rule;
}

function campaignQuestion(subject: string, name: string, call: Call): Ask {
  for (const flag of ['order', 'advertiser'])
    if (call.text(flag) !== undefined) throw usage(`--${flag} is for why-not of an organization`);
  const slash = name.indexOf('/');
  if (slash <= 0 || slash === name.length - 1 || name.indexOf('/', slash + 1) >= 0)
    throw usage(`a campaign is named ORG/CAMPAIGN, as in acme/spring-sale, not "${name}"`);
  const [orgId, campaign_id] = name.split('/');
  const rule_id = call.text('rule');
  const flight_id = call.text('flight');
  const at = instantOf(call);
  const about = { campaign_id, ...(flight_id === undefined ? {} : { flight_id }), ...(at === undefined ? {} : { at }) };
  if (subject === 'campaign')
    return (explainer) => explainer.campaign(orgId, { ...about, ...(rule_id === undefined ? {} : { rule_id }) });
  return (explainer) => explainer.silence(orgId, { ...about, rule_id: ruleOf(call) });
}

function instantOf(call: Call): string | undefined {
  const at = call.text('at');
  if (at === undefined) return undefined;
  const ms = Date.parse(at);
  if (Number.isNaN(ms) || !/(Z|[+-]\d\d:\d\d)$/.test(at))
    throw usage(`--at must be an instant with its zone, as in 2026-03-08T12:00:00Z, got "${at}"`);
  return new Date(ms).toISOString();
}
