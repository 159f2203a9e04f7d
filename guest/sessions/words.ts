/**
 * Words of session names. No word is longer than ten (adjectives) or nine (nouns) letters, so that every name fits into
 * the 32 characters of a Unix user's name (useradd(8)); no adjective is a noun here, and none is unkind.
 */

const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");

export const ADJECTIVES: readonly string[] = words(`
  able active adept admiring agile airy alert amber ample amused ancient apt ardent artful astute autumn avid awake
  azure balanced bashful beaming blissful blithe bold bonny bouncy brainy brave breezy bright brisk bubbly busy calm
  candid careful caring casual cheerful cheery civil classy clean clear clement clever close cobalt coherent comic
  composed content cool coral cordial cosmic cosy courtly crafty creative crimson crisp curious dainty dandy dapper
  daring dashing dazzling dear decent deft deep devoted diligent direct distant dreamy driven dulcet dynamic eager
  early earnest easy ecstatic elated elegant eloquent emerald eminent epic exact excited expert fabled fair faithful
  famous fancy fearless festive fine firm fleet fluent focused fond frank free fresh friendly frosty funny gallant
  generous genial gentle gifted giving glad gleaming golden good graceful gracious grand great green happy hardy
  hearty helpful heroic hidden honest hopeful humble ideal idle indigo inspired intent inviting ivory jade jaunty
  jolly jovial joyful joyous jubilant keen kind kindly laughing lavender learned light likeable lilac lively logical
  loving loyal lucid lucky lunar magical mellow merry mighty mindful modest musical mystical natural neat nice nifty
  nimble noble nordic novel objective open optimal orderly patient peaceful pensive perky placid plucky polite prime
  proud prudent punctual pure quaint quick quiet quirky radiant rapid ready relaxed reliable rosy rustic sage scarlet
  serene sharp shiny silent silver sincere sleek smart smooth snowy sociable solar solid spirited spry stable starry
  steady stellar still stoic strong sturdy sublime subtle sunny superb sure swift tactful tender thankful thorough
  thrifty tidy tranquil trusting trusty truthful upbeat valiant velvet verdant vibrant vigilant vivid warm watchful
  whimsical willing winsome wise witty wonderful worthy youthful zealous zen zesty
`);

export const NOUNS: readonly string[] = words(`
  abel agnesi albattani alhazen allen ampere apgar archimede aryabhata austin avicenna babbage bacon banach banneker
  bardeen bartik bassi becquerel bell bhabha bhaskara blackwell bohr boltzmann boole borel bose boyd boyle brahe
  brattain brown buck burnell bunsen cannon cantor cardano carson carver cauchy cayley cerf chandra chaum chebyshev
  clarke cohen colden copernic cori coulomb cray curie curran cuvier dalton darwin davinci davy dewdney dhawan diffie
  dijkstra dirac doppler dubinsky easley eddington edison ehrlich einstein elbakyan elion ellis engelbart euclid euler
  faraday feistel fermat fermi feynman fleming fourier franklin fresnel galileo galois ganguly gates gauss germain
  gibbs goldberg goldwasser golick goodall gould greider grothend haibt hamilton hamming haslett hawking heaviside
  heisenberg hellman hermann hermite herschel hertz heyrovsky hilbert hodgkin hofstadter holmes hoover hopper hubble
  hugle humboldt huygens hypatia ishizaka jackson jang jemison jennings jepsen johnson joliot joule jones kalam kapitsa
  kare keldysh keller kelvin kepler khayyam khorana kilby kirch knuth kowalev kummer lagrange lalande lamarr lamport
  landau laplace laue lavoisier leakey leavitt lebesgue lederberg lehmann leibniz lewin lichterman liskov lister lorentz
  lovelace lumiere mach mahavira margulis markov matsumoto maxwell mayer mccarthy mcclintock mclaren mclean mcnulty
  meitner mendel mendeleev meninsky merkle mestorf mirzakhan mobius montalcini moore morse moser murdock napier nash
  neumann newton nightinga nobel noether northcutt noyce ohm olbers oersted panini pare pascal pasteur pauli payne
  peano perlman pike planck poincare poisson poitras proskurian ptolemy pythagora raman ramanujan rayleigh ride
  riemann ritchie robinson roentgen rosalind rubin rutherfrd sagan sammet sanderson satoshi shamir shannon shaw shirley
  shockley shtern sinoussi snyder solomon spence stallman steno stonebrak sutherland swanson swartz swirles taussig
  tesla tharp thompson thomson torricell torvalds tu turing varahamih vaughan viete villani visvesvar volhard volta
  wescoff weierstras weyl wiener wilbur wiles williams williamson wilson wing wozniak wright wu yalow yonath young
  zhukovsky
`).filter((word) => word.length <= 9);
