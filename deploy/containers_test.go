package deploy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/config"
)

// The parts of the Compose format that the file uses.
type (
	composeFile struct {
		Name     string
		Services map[string]composeService
		Secrets  map[string]struct{ File string }
		Volumes  map[string]any
	}
	composeService struct {
		Build *struct {
			Context string
			Args    map[string]string
		}
		Image           string
		Profiles        []string
		Restart         string
		DependsOn       []string `yaml:"depends_on"`
		StopGracePeriod string   `yaml:"stop_grace_period"`
		Environment     map[string]string
		Volumes         []string
		Secrets         []struct{ Source, Target string }
		Ports           []string
		User            string
		ReadOnly        bool     `yaml:"read_only"`
		CapDrop         []string `yaml:"cap_drop"`
		CapAdd          []string `yaml:"cap_add"`
		SecurityOpt     []string `yaml:"security_opt"`
		Tmpfs           []string
		MemLimit        string `yaml:"mem_limit"`
		PidsLimit       int    `yaml:"pids_limit"`
		Healthcheck     *struct {
			Test              []string
			Interval, Timeout string
			StartPeriod       string `yaml:"start_period"`
			Retries           int
		}
		Logging *struct {
			Driver  string
			Options map[string]string
		}
	}
)

func TestCompose(t *testing.T) {
	var c composeFile
	decode(t, "compose/compose.yaml", read(t, "compose/compose.yaml"), &c)
	for name, s := range c.Services {
		if strings.HasSuffix(s.Image, ":latest") || !strings.Contains(s.Image, ":") {
			t.Errorf("%s: image %q is not pinned", name, s.Image)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.MemLimit == "" {
			t.Errorf("%s may do more than it needs: %+v", name, s)
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret.Source].File == "" {
				t.Errorf("%s: there is no secret %q", name, secret.Source)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[source]; !named && !strings.HasPrefix(source, ".") {
				t.Errorf("%s: there is no volume %q", name, source)
			}
		}
	}
	tenon := c.Services["tenon"]
	if tenon.User != "65532:65532" {
		t.Errorf("tenon runs as %q, the image is made for 65532:65532", tenon.User)
	}
	wantPort := "127.0.0.1:" + port(t) + ":" + port(t)
	if !slices.Equal(tenon.Ports, []string{wantPort}) {
		t.Errorf("ports are %v, want %s: reached from this machine only", tenon.Ports, wantPort)
	}
	if got, want := tenon.Environment["TENON_SERVER_LISTEN"], "0.0.0.0:"+port(t); got != want {
		t.Errorf("it listens on %s, want %s", got, want)
	}
	if got, want := c.Services["caddy"].Environment["TENON_UPSTREAM"], "tenon:"+port(t); got != want {
		t.Errorf("the proxy asks %s, want %s", got, want)
	}
}

// The parts of Kubernetes' API that the manifest uses.
type (
	meta struct {
		Name, Namespace     string
		Labels, Annotations map[string]string
	}
	Object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   meta
	}
	namespaceObject struct {
		Object `yaml:",inline"`
	}
	serviceAccountObject struct {
		Object    `yaml:",inline"`
		Automount bool `yaml:"automountServiceAccountToken"`
	}
	labelSelector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	statefulSetObject struct {
		Object `yaml:",inline"`
		Spec   struct {
			Replicas    int
			ServiceName string `yaml:"serviceName"`
			Selector    labelSelector
			Template    struct {
				Metadata meta
				Spec     podSpec
			}
			VolumeClaimTemplates []struct {
				Metadata meta
				Spec     struct {
					AccessModes []string `yaml:"accessModes"`
					Resources   resources
				}
			} `yaml:"volumeClaimTemplates"`
		}
	}
	podSpec struct {
		ServiceAccountName            string `yaml:"serviceAccountName"`
		AutomountServiceAccountToken  bool   `yaml:"automountServiceAccountToken"`
		EnableServiceLinks            *bool  `yaml:"enableServiceLinks"`
		TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot        bool                  `yaml:"runAsNonRoot"`
			RunAsUser           int                   `yaml:"runAsUser"`
			RunAsGroup          int                   `yaml:"runAsGroup"`
			FSGroup             int                   `yaml:"fsGroup"`
			FSGroupChangePolicy string                `yaml:"fsGroupChangePolicy"`
			SeccompProfile      struct{ Type string } `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		Containers []container
		Volumes    []struct {
			Name      string
			ConfigMap *struct{ Name string } `yaml:"configMap"`
			Projected *struct {
				DefaultMode int `yaml:"defaultMode"`
				Sources     []struct {
					ConfigMap *struct{ Name string } `yaml:"configMap"`
					Secret    *struct{ Name string }
				}
			}
		}
	}
	container struct {
		Name, Image string
		Args        []string
		Env         []struct{ Name, Value string }
		Ports       []struct {
			Name          string
			ContainerPort int `yaml:"containerPort"`
		}
		LivenessProbe   probe `yaml:"livenessProbe"`
		ReadinessProbe  probe `yaml:"readinessProbe"`
		Resources       resources
		SecurityContext struct {
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct{ Drop []string }
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	probe struct {
		HTTPGet             struct{ Path, Port string } `yaml:"httpGet"`
		InitialDelaySeconds int                         `yaml:"initialDelaySeconds"`
		PeriodSeconds       int                         `yaml:"periodSeconds"`
		TimeoutSeconds      int                         `yaml:"timeoutSeconds"`
		FailureThreshold    int                         `yaml:"failureThreshold"`
	}
	resources     struct{ Requests, Limits map[string]string }
	serviceObject struct {
		Object `yaml:",inline"`
		Spec   struct {
			Selector map[string]string
			Ports    []struct {
				Name       string
				Port       int
				TargetPort string `yaml:"targetPort"`
			}
		}
	}
	ingressObject struct {
		Object `yaml:",inline"`
		Spec   struct {
			IngressClassName string `yaml:"ingressClassName"`
			TLS              []struct {
				Hosts      []string
				SecretName string `yaml:"secretName"`
			}
			Rules []struct {
				Host string
				HTTP struct {
					Paths []struct {
						Path     string
						PathType string `yaml:"pathType"`
						Backend  struct {
							Service struct {
								Name string
								Port struct{ Name string }
							}
						}
					}
				}
			}
		}
	}
	policyPorts []struct {
		Protocol string
		Port     int
	}
	policyPeers []struct {
		NamespaceSelector labelSelector `yaml:"namespaceSelector"`
	}
	networkPolicyObject struct {
		Object `yaml:",inline"`
		Spec   struct {
			PodSelector labelSelector `yaml:"podSelector"`
			PolicyTypes []string      `yaml:"policyTypes"`
			Ingress     []struct {
				From  policyPeers
				Ports policyPorts
			}
			Egress []struct {
				To    policyPeers
				Ports policyPorts
			}
		}
	}
)

const manifest = "kubernetes/tenon.yaml"

// TestKubernetes checks the manifest's keys, and that its parts fit together.
func TestKubernetes(t *testing.T) {
	kinds := map[string]struct {
		version string
		into    any
	}{
		"Namespace":      {"v1", &namespaceObject{}},
		"ServiceAccount": {"v1", &serviceAccountObject{}},
		"StatefulSet":    {"apps/v1", &statefulSetObject{}},
		"Service":        {"v1", &serviceObject{}},
		"Ingress":        {"networking.k8s.io/v1", &ingressObject{}},
		"NetworkPolicy":  {"networking.k8s.io/v1", &networkPolicyObject{}},
	}
	seen := 0
	for doc := range strings.SplitSeq(read(t, manifest), "\n---\n") {
		kind := between(doc, "\nkind: ", "\n")
		k, ok := kinds[kind]
		if !ok {
			t.Errorf("%s: kind %q is not known here", manifest, kind)
			continue
		}
		seen++
		if got := between("\n"+doc, "\napiVersion: ", "\n"); got != k.version {
			t.Errorf("%s: %s is of %q, want %q", manifest, kind, got, k.version)
		}
		decode(t, manifest, doc, k.into)
	}
	if seen != len(kinds) {
		t.Fatalf("%s has %d objects, want %d", manifest, seen, len(kinds))
	}
	set := kinds["StatefulSet"].into.(*statefulSetObject)
	checkPod(t, set)
	labels := set.Spec.Template.Metadata.Labels
	service := kinds["Service"].into.(*serviceObject)
	policy := kinds["NetworkPolicy"].into.(*networkPolicyObject)
	for what, selector := range map[string]map[string]string{
		"the StatefulSet": set.Spec.Selector.MatchLabels, "the Service": service.Spec.Selector, "the NetworkPolicy": policy.Spec.PodSelector.MatchLabels,
	} {
		for key, value := range selector {
			if labels[key] != value {
				t.Errorf("%s selects %s=%s, which the Pod has not", what, key, value)
			}
		}
	}
	if set.Spec.ServiceName != service.Metadata.Name {
		t.Errorf("the StatefulSet names the Service %q, there is %q", set.Spec.ServiceName, service.Metadata.Name)
	}
	for _, rule := range kinds["Ingress"].into.(*ingressObject).Spec.Rules {
		for _, p := range rule.HTTP.Paths {
			if s := p.Backend.Service; s.Name != service.Metadata.Name || s.Port.Name != service.Spec.Ports[0].Name {
				t.Errorf("path %s leads to %+v, which there is not", p.Path, s)
			}
		}
	}
}

func checkPod(t *testing.T, set *statefulSetObject) {
	t.Helper()
	if set.Spec.Replicas != 1 {
		t.Errorf("%d replicas: a state has one process", set.Spec.Replicas)
	}
	pod := set.Spec.Template.Spec
	if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
		t.Error("enableServiceLinks must be off: TENON_SERVICE_… would be taken for settings")
	}
	c := pod.Containers[0]
	if got := c.Ports[0].ContainerPort; port(t) != strconv.Itoa(got) {
		t.Errorf("the container's port is %d, want %s", got, port(t))
	}
	if c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Errorf("the probes ask %+v and %+v", c.LivenessProbe.HTTPGet, c.ReadinessProbe.HTTPGet)
	}
	if e := c.SecurityContext.AllowPrivilegeEscalation; e == nil || *e || !c.SecurityContext.ReadOnlyRootFilesystem || !pod.SecurityContext.RunAsNonRoot {
		t.Error("the container may do more than it needs")
	}
	volumes := []string{set.Spec.VolumeClaimTemplates[0].Metadata.Name}
	guide := read(t, "../docs/operations.md")
	named := func(kind, name string) {
		if !strings.Contains(guide, kind+" "+name) {
			t.Errorf("docs/operations.md does not say how %s %s is made", kind, name)
		}
	}
	for _, v := range pod.Volumes {
		volumes = append(volumes, v.Name)
		if v.ConfigMap != nil {
			named("configmap", v.ConfigMap.Name)
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				if s.ConfigMap != nil {
					named("configmap", s.ConfigMap.Name)
				}
				if s.Secret != nil {
					named("secret generic", s.Secret.Name)
				}
			}
		}
	}
	for _, m := range c.VolumeMounts {
		if !slices.Contains(volumes, m.Name) {
			t.Errorf("there is no volume %q", m.Name)
		}
	}
	if got := len(c.VolumeMounts); got != len(volumes) {
		t.Errorf("%d volumes are mounted of %d", got, len(volumes))
	}
	known := map[string]bool{}
	for _, s := range config.Catalog() {
		known[s.Env()] = true
	}
	for _, e := range c.Env {
		if !known[e.Name] {
			t.Errorf("the container sets %s, which overrides no setting", e.Name)
		}
	}
}

// between returns the text after one mark up to another.
func between(text, after, before string) string {
	_, rest, _ := strings.Cut(text, after)
	found, _, _ := strings.Cut(rest, before)
	return found
}
