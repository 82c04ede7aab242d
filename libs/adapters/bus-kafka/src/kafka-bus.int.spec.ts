import { eventBusContract, handlingFailuresContract, withRealServer } from '@foldline/testing';
import { openContractFixture } from './kafka.fixture.ts';

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', (brokers) => {
  eventBusContract('on Kafka', () => openContractFixture(brokers));
  handlingFailuresContract('on Kafka', () => openContractFixture(brokers));
});
